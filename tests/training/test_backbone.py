from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gridrt.errors import CheckpointError, GridRTError
from gridrt.model.checkpoint import save_weights
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.initialize import initialize
from gridrt.model.presets import build
from gridrt.training.backbone import load_backbone, refuse_frozen_noise

Model = Callable[[], GridRCNN]


def has_backbone_of(model: GridRCNN, other: GridRCNN) -> bool:
    weights = other.backbone.state_dict()
    return all(torch.equal(weight, weights[name]) for name, weight in model.backbone.state_dict().items())


def test_a_classifiers_weights_are_taken_without_its_last_layer(make_model: Model, tmp_path: Path) -> None:
    source, model = make_model(), build("tiny", 2)
    torch.save(source.backbone.state_dict() | {"fc.weight": torch.ones(5, 3), "fc.bias": torch.ones(5)}, tmp_path / "w")

    load_backbone(model, tmp_path / "w")

    assert has_backbone_of(model, source)


def test_of_a_detectors_weights_the_backbone_alone_is_taken(make_model: Model, tmp_path: Path) -> None:
    source, model = make_model(), build("tiny", 2)
    before = model.neck.state_dict()["lateral_convs.0.conv.weight"].clone()
    save_weights(source, tmp_path / "w.pth")

    load_backbone(model, tmp_path / "w.pth")

    assert has_backbone_of(model, source)
    assert torch.equal(model.neck.state_dict()["lateral_convs.0.conv.weight"], before)


def test_another_backbone_is_refused(make_model: Model, tmp_path: Path) -> None:
    save_weights(build("r50", 1), tmp_path / "w.pth")

    with pytest.raises(CheckpointError, match=r"w\.pth: .*tiny \(found"):
        load_backbone(make_model(), tmp_path / "w.pth")


def test_frozen_noise_is_refused() -> None:
    model = build("r50", 1)
    with pytest.raises(GridRTError) as caught:
        refuse_frozen_noise(model)
    assert caught.value.place == "r50"
    assert "`backbone_weights`" in caught.value.remedy

    model.backbone.freeze(0)
    refuse_frozen_noise(model)


def test_initialize_and_freeze_leave_other_stages_to_learn() -> None:
    model = build("tiny", 1)
    initialize(model)

    model.backbone.freeze(2)

    frozen = {name.split(".")[0] for name, weight in model.backbone.named_parameters() if not weight.requires_grad}
    assert frozen == {"conv1", "bn1", "layer1", "layer2"}
