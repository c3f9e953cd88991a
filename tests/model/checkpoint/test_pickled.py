"""Pickles that run code, that need other classes, and those that look as if they did."""

from __future__ import annotations

import os
import pickle
import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gridrt.errors import CheckpointError
from gridrt.model.checkpoint import load_model, read_weights

ZIP: dict[str, Any] = {}
LEGACY = {"_use_new_zipfile_serialization": False}


class Attack:
    """Makes a folder when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.trace),)


@pytest.mark.parametrize("save_options", [ZIP, LEGACY], ids=["zip", "legacy"])
def test_a_pickle_that_runs_code_is_refused_before_it_runs(
    tmp_path: Path, tiny_weights: dict[str, Tensor], save_options: dict[str, Any]
) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "ran"
    torch.save({"state_dict": tiny_weights, "meta": Attack(trace)}, path, **save_options)

    with pytest.raises(CheckpointError, match=r"posix\.mkdir.*`trust_checkpoint`"):
        load_model(path)
    assert not trace.exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_pickle_of_another_protocol_is_refused_before_it_runs(tmp_path: Path) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "ran"
    torch.save({"state_dict": {}, "meta": Attack(trace)}, path, pickle_protocol=4)

    with pytest.raises(CheckpointError, match=r"found Unsupported operand \d"):
        load_model(path)
    assert not trace.exists()


def test_a_pickle_that_torch_did_not_write_is_never_unpickled(tmp_path: Path) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "ran"
    path.write_bytes(pickle.dumps(Attack(trace)))

    with pytest.raises(CheckpointError, match=r"safetensors"):
        load_model(path, trust_checkpoint=True)
    assert not trace.exists()


def test_code_runs_in_a_file_that_is_trusted(tmp_path: Path, tiny_weights: dict[str, Tensor]) -> None:
    path, trace = tmp_path / "theirs.pth", tmp_path / "ran"
    torch.save({"state_dict": tiny_weights, "meta": Attack(trace)}, path)

    assert load_model(path, trust_checkpoint=True).variant == "tiny"
    assert trace.exists()


def test_every_class_that_is_not_trusted_is_named(tmp_path: Path) -> None:
    path = tmp_path / "module.pth"
    torch.save(torch.nn.Sequential(torch.nn.ReLU()), path)

    with pytest.raises(CheckpointError) as refusal:
        read_weights(path)
    assert "torch.nn.modules.activation.ReLU, torch.nn.modules.container.Sequential" in str(refusal.value)


def test_a_class_that_is_not_installed_here_is_named_even_when_trusted(tmp_path: Path) -> None:
    path = tmp_path / "theirs.pth"
    with mmengine_modules() as history_buffer:
        history_buffer.__qualname__ = history_buffer.__name__ = "Runner"
        sys.modules[history_buffer.__module__].Runner = history_buffer  # type: ignore[attr-defined]
        torch.save({"state_dict": {}, "meta": history_buffer()}, path)

    with pytest.raises(CheckpointError, match="'mmengine'"):
        read_weights(path, trust_checkpoint=True)


class mmengine_modules:  # noqa: N801 - a context manager
    """A stand-in of `mmengine.logging.history_buffer`, there while the file is written and gone when it is read."""

    NAMES = ("mmengine", "mmengine.logging", "mmengine.logging.history_buffer")

    def __enter__(self) -> type:
        class HistoryBuffer:
            def __init__(self) -> None:
                self._log_history = np.array([0.5, 0.25])
                self._statistics_methods = {"min": HistoryBuffer.min}

            def min(self) -> None: ...

        HistoryBuffer.__module__, HistoryBuffer.__qualname__ = self.NAMES[-1], "HistoryBuffer"
        HistoryBuffer.min.__module__, HistoryBuffer.min.__qualname__ = self.NAMES[-1], "HistoryBuffer.min"
        sys.modules.update({name: ModuleType(name) for name in self.NAMES})
        sys.modules[self.NAMES[-1]].HistoryBuffer = HistoryBuffer  # type: ignore[attr-defined]
        return HistoryBuffer

    def __exit__(self, *_: object) -> None:
        for name in self.NAMES:
            del sys.modules[name]


@pytest.fixture(params=[ZIP, LEGACY], ids=["zip", "legacy"])
def training_state(request: pytest.FixtureRequest, tmp_path: Path, tiny_weights: dict[str, Tensor]) -> Path:
    """A checkpoint as mmengine's runner writes it."""
    path = tmp_path / "epoch_12.pth"
    with mmengine_modules() as history_buffer:
        torch.save(
            {
                "meta": {"mmengine_version": "0.10.7", "dataset_meta": {"classes": ("cat", "dog", "owl")}},
                "state_dict": OrderedDict(tiny_weights),
                "message_hub": {
                    "log_scalars": OrderedDict({"train/loss": history_buffer()}),
                    "runtime_info": OrderedDict(best_score=np.float64(0.4), box=np.zeros(4, np.float32)),
                },
                "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(3)}}},
            },
            path,
            **request.param,
        )
    return path


def test_the_log_buffers_of_mmengine_need_neither_trust_nor_mmengine(
    training_state: Path, tiny_weights: dict[str, Tensor]
) -> None:
    read = read_weights(training_state)

    assert read.state_dict.keys() == tiny_weights.keys()
    assert read.meta["dataset_meta"] == {"classes": ("cat", "dog", "owl")}
    assert read_weights(training_state, trust_checkpoint=True).meta["dataset_meta"] == read.meta["dataset_meta"]


def test_names_allowed_for_a_checkpoint_are_not_allowed_afterwards(training_state: Path) -> None:
    before = set(torch.serialization.get_safe_globals())

    read_weights(training_state)

    assert set(torch.serialization.get_safe_globals()) == before


def test_an_archive_with_a_damaged_name_is_refused(tmp_path: Path, tiny_weights: dict[str, Tensor]) -> None:
    """In the directory at its end, whose names are UTF-8."""
    path = tmp_path / "damaged.pth"
    torch.save({"state_dict": tiny_weights}, path)
    before, _, after = path.read_bytes().rpartition(b"data.pkl")
    path.write_bytes(before + b"dat\x82.pkl" + after)

    with pytest.raises(CheckpointError) as caught:
        load_model(path)
    assert caught.value.place == path
