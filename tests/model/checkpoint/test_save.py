"""Weights written in the published layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import gridrt
from gridrt.errors import OutputError
from gridrt.model.checkpoint import load_model, save_weights
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build


@pytest.fixture
def model(tiny_weights: dict[str, Tensor]) -> GridRCNN:
    model = build("tiny", num_classes=3)
    model.load_state_dict(tiny_weights)
    model.class_names, model.scale = ("cat", "dog", "owl"), (480, 360)
    return model


def test_what_is_saved_is_loaded(tmp_path: Path, model: GridRCNN, tiny_weights: dict[str, Tensor]) -> None:
    save_weights(model, tmp_path / "w.pth")

    loaded = load_model(tmp_path / "w.pth")

    assert (loaded.class_names, loaded.scale) == (("cat", "dog", "owl"), (480, 360))
    assert all(torch.equal(tensor, tiny_weights[name]) for name, tensor in loaded.state_dict().items())


def test_the_layout_is_the_published_one(tmp_path: Path, model: GridRCNN) -> None:
    save_weights(model, tmp_path / "w.pth")

    content = torch.load(tmp_path / "w.pth", weights_only=True)

    assert content["meta"] == {
        "CLASSES": ("cat", "dog", "owl"),
        "gridrt_version": gridrt.__version__,
        "gridrt_scale": (480, 360),
    }
    assert content["state_dict"].keys() == model.state_dict().keys()


def test_a_scale_that_is_not_known_is_not_noted(tmp_path: Path, model: GridRCNN) -> None:
    model.scale = None
    save_weights(model, tmp_path / "w.pth")

    assert "gridrt_scale" not in torch.load(tmp_path / "w.pth", weights_only=True)["meta"]
    assert load_model(tmp_path / "w.pth").scale is None


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, model: GridRCNN) -> None:
    target = tmp_path / "w.pth"
    target.write_bytes(b"the old one")

    with pytest.raises(OutputError, match=r"w\.pth: the result cannot be written here"):
        save_weights(model, target)
    assert target.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [target]
