from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gridrt.config import PixelConfig
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.normalize import Normalize
from gridrt.model.presets import build
from gridrt.training.fine_tuning import start_from

BY_CLASS = {
    "tiny": {"roi_head.bbox_head.fc_cls.weight", "roi_head.bbox_head.fc_cls.bias"},
    "faster_tiny": {f"roi_head.bbox_head.fc_{layer}.{kind}" for layer in ("cls", "reg") for kind in ("weight", "bias")},
}


def detector(variant: str, *class_names: str) -> GridRCNN:
    model = build(variant, len(class_names))
    model.class_names = class_names
    return model


def copied(model: GridRCNN, trained: GridRCNN) -> set[str]:
    """Names of the tensors that are those of `trained`."""
    ours, theirs = model.state_dict(), trained.state_dict()
    return {name for name in ours if torch.equal(ours[name], theirs[name])}


def test_with_the_same_classes_every_weight_is_copied() -> None:
    model, trained = detector("tiny", "cell", "disc"), detector("tiny", "cell", "disc")

    assert start_from(model, trained) == ()
    assert copied(model, trained) == set(model.state_dict())


@pytest.mark.parametrize("variant", ["tiny", "faster_tiny"])
@pytest.mark.parametrize("classes", [("cell",), ("disc", "cell"), ("cell", "disc", "ring")])
def test_with_other_classes_or_another_order_the_layers_of_classes_start_anew(
    variant: str, classes: tuple[str, ...]
) -> None:
    model, trained = detector(variant, *classes), detector(variant, "cell", "disc")
    before = {name: model.state_dict()[name].clone() for name in BY_CLASS[variant]}

    new = start_from(model, trained)

    assert set(new) == BY_CLASS[variant]
    assert all(torch.equal(model.state_dict()[name], weight) for name, weight in before.items())
    kept = set(model.state_dict()) - BY_CLASS[variant]
    assert kept <= {name for name in kept if torch.equal(model.state_dict()[name], trained.state_dict()[name])}


def test_pixels_and_thresholds_are_those_of_the_trained_detector_and_classes_are_not() -> None:
    model, trained = detector("tiny", "cell"), detector("tiny", "cell", "disc")
    trained.normalize = Normalize(PixelConfig((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), "BGR"))
    trained.roi_head.detections = replace(trained.roi_head.detections, max_detections=7)

    start_from(model, trained)

    assert model.normalize.pixels == trained.normalize.pixels
    assert model.roi_head.detections.max_detections == 7
    assert model.class_names == ("cell",)
