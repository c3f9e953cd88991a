"""Weights written in the published layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import gridrt
from gridrt.config import PixelConfig
from gridrt.errors import OutputError
from gridrt.model.checkpoint import load_model, save_weights
from gridrt.model.checkpoint.settings import Settings
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


def test_a_detector_that_is_saved_again_detects_the_same(tmp_path: Path, model: GridRCNN) -> None:
    caffe = PixelConfig((103.53, 116.28, 123.675), (1.0, 1.0, 1.0), "BGR")
    Settings(caffe, None, None, {"max_proposals": 300}, {"score_threshold": 0.1, "max_detections": 150}).apply(model)
    save_weights(model.eval(), tmp_path / "w.pth")
    images = torch.randint(0, 256, (1, 96, 128, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    sizes = torch.tensor([[90, 128]], dtype=torch.int32)

    with torch.no_grad():
        expected, actual = model(images, sizes), load_model(tmp_path / "w.pth")(images, sizes)

    assert (expected.labels >= 0).any()
    for one, other in zip(expected, actual, strict=True):
        assert torch.equal(one, other)


def test_the_layout_is_the_published_one(tmp_path: Path, model: GridRCNN) -> None:
    save_weights(model, tmp_path / "w.pth")

    content = torch.load(tmp_path / "w.pth", weights_only=True)

    meta = content["meta"]
    assert meta["CLASSES"] == ("cat", "dog", "owl")
    assert meta["gridrt_version"] == gridrt.__version__
    assert meta["gridrt_scale"] == (480, 360)
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

    with pytest.raises(OutputError, match=r"w\.pth"):
        save_weights(model, target)
    assert target.read_bytes() == b"the old one"
    assert list(tmp_path.iterdir()) == [target]
