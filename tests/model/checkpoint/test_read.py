"""Formats that are read, and what is said of files that are none of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from gridrt.errors import CheckpointError
from gridrt.model.checkpoint import read_weights

WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.0, -1.0])}


def assert_same_tensors(actual: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert actual.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(actual[name], tensor), name


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_the_format_is_told_by_content_not_by_suffix(tmp_path: Path, suffix: str) -> None:
    zipped, legacy, safe = (tmp_path / f"{name}{suffix}" for name in ("zip", "legacy", "safe"))
    torch.save(WEIGHTS, zipped)
    torch.save(WEIGHTS, legacy, _use_new_zipfile_serialization=False)
    save_file(WEIGHTS, safe)

    for path, format_ in ((zipped, "torch zip"), (legacy, "torch legacy"), (safe, "safetensors")):
        read = read_weights(path)
        assert read.format == format_
        assert_same_tensors(read.state_dict, WEIGHTS)


def test_safetensors_bring_class_names_as_json(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(WEIGHTS, path, metadata={"classes": json.dumps(["cat", "dog"]), "epoch": "12"})

    read = read_weights(path)

    assert read.meta["CLASSES"] == ["cat", "dog"]
    assert read.meta["epoch"] == "12"


def test_safetensors_whose_class_names_are_no_json_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(WEIGHTS, path, metadata={"classes": "cat, dog"})

    with pytest.raises(CheckpointError, match="`classes`"):
        read_weights(path)


def test_tensors_of_safetensors_outlive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(WEIGHTS, path)
    read = read_weights(path)

    path.write_bytes(bytes(path.stat().st_size))

    assert_same_tensors(read.state_dict, WEIGHTS)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("notes.pth", b"epoch 12: loss 0.4\n", r"torch\.save or safetensors wrote \(found a file that starts with"),
        ("empty.pth", b"", r"found an empty file"),
        ("empty.safetensors", b"", r"found an empty file"),
        ("r50.onnx", b"\x08\x0a", r"torch\.save or safetensors wrote \(found a file that starts with"),
        ("r50.ONNX", b"\x08\x0a", r"torch\.save or safetensors wrote \(found a file that starts with"),
        ("some.zip", b"PK\x03\x04" + bytes(100), r"torch\.save or safetensors wrote \(found a file that starts with"),
    ],
)
def test_a_file_without_weights_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(CheckpointError, match=message) as refusal:
        read_weights(path)
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_and_a_folder_have_different_errors(tmp_path: Path) -> None:
    with pytest.raises(
        CheckpointError,
        match=r"missing\. .*r50, .*tiny_synthetic\.$",
    ):
        read_weights(tmp_path / "missing.pth")
    with pytest.raises(CheckpointError, match="found a folder"):
        read_weights(tmp_path)


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.999])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_truncated_file_is_refused_in_one_line(
    tmp_path: Path, tiny_weights: dict[str, Tensor], kind: str, kept: float
) -> None:
    path = tmp_path / "cut.pth"
    if kind == "safetensors":
        save_file(tiny_weights, path)
    else:
        torch.save(tiny_weights, path, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])

    with pytest.raises(CheckpointError, match="copy it again") as refusal:
        read_weights(path)
    assert "\n" not in str(refusal.value)
