"""Safetensors in shards, opened by their index or by any shard."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gridrt.errors import CheckpointError
from gridrt.model.checkpoint import read_weights

FIRST, SECOND = {"a": torch.ones(2), "b": torch.zeros(3)}, {"c": torch.arange(4)}
SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
WEIGHT_MAP = {"a": SHARDS[0], "b": SHARDS[0], "c": SHARDS[1]}


@pytest.fixture
def index(tmp_path: Path) -> Path:
    save_file(FIRST, tmp_path / SHARDS[0], metadata={"format": "pt", "classes": '["cat", "dog"]'})
    save_file(SECOND, tmp_path / SHARDS[1], metadata={"format": "pt"})
    return write_index(tmp_path, WEIGHT_MAP)


def write_index(folder: Path, weight_map: Mapping[str, object]) -> Path:
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {"total_size": 52}, "weight_map": weight_map}, indent=2))
    return path


@pytest.mark.parametrize("name", ["model.safetensors.index.json", *SHARDS])
def test_the_index_and_every_shard_open_all_tensors(index: Path, name: str) -> None:
    read = read_weights(index.parent / name)

    assert (read.path, read.format) == (index, "safetensors index")
    assert {key: tensor.tolist() for key, tensor in read.state_dict.items()} == {
        key: tensor.tolist() for key, tensor in (FIRST | SECOND).items()
    }
    assert read.meta["CLASSES"] == ["cat", "dog"]


def test_a_file_that_the_index_beside_it_does_not_name_is_opened_alone(index: Path) -> None:
    alone = index.with_name("other.safetensors")
    save_file(SECOND, alone)

    read = read_weights(alone)

    assert (read.path, read.format, list(read.state_dict)) == (alone, "safetensors", ["c"])


def test_a_missing_shard_is_named(index: Path) -> None:
    (index.parent / SHARDS[1]).unlink()

    with pytest.raises(CheckpointError, match=rf"index\.json: .*{SHARDS[1]}"):
        read_weights(index)


def test_a_tensor_that_its_shard_lacks_is_named(index: Path) -> None:
    write_index(index.parent, WEIGHT_MAP | {"d": SHARDS[1]})

    with pytest.raises(CheckpointError, match=r"index\.json: .*found d\)"):
        read_weights(index)


@pytest.mark.parametrize("shard", ["../elsewhere.safetensors", "/etc/passwd", "sub/w.safetensors"])
def test_an_index_cannot_lead_out_of_its_folder(index: Path, shard: str) -> None:
    write_index(index.parent, {"a": shard})

    with pytest.raises(CheckpointError, match=r"a shard"):
        read_weights(index)


@pytest.mark.parametrize(
    "text", ['{"weight_map"', '{"weight_map": [1]}', '{"x": "weight_map", "y": {"weight_map": 1}}']
)
def test_a_damaged_index_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(text)

    with pytest.raises(CheckpointError, match=r"index\.json: "):
        read_weights(path)
