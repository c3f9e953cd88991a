"""What of a backbone learns."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gridrt.model.presets import build
from gridrt.model.resnet import ResNet


def frozen(backbone: ResNet) -> set[str]:
    return {name for name, weight in backbone.named_parameters() if not weight.requires_grad}


@pytest.mark.parametrize("variant", ["r50", "r101", "x101_32x4d", "x101_64x4d"])
def test_published_variants_keep_the_stem_and_the_first_stage(variant: str) -> None:
    with torch.device("meta"):
        backbone = build(variant).backbone

    parts = {name.split(".")[0] for name in frozen(backbone)}
    assert parts == {"conv1", "bn1", "layer1"}
    assert len(frozen(backbone)) == 33


def test_tiny_keeps_nothing() -> None:
    assert frozen(build("tiny").backbone) == set()


@pytest.mark.parametrize(
    ("stages", "parts"),
    [
        (0, set()),
        (2, {"conv1", "bn1", "layer1", "layer2"}),
        (4, {"conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}),
    ],
)
def test_as_many_stages_are_frozen_as_are_asked_for(stages: int, parts: set[str]) -> None:
    backbone = ResNet((1, 1, 1, 1), stem_channels=8, frozen_stages=stages)

    assert {name.split(".")[0] for name in frozen(backbone)} == parts


def test_batch_statistics_are_never_used_nor_learned() -> None:
    backbone = ResNet((1, 1, 1, 1), stem_channels=8)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 5 + 3

    in_eval = backbone.eval()(images)
    before = {name: buffer.clone() for name, buffer in backbone.named_buffers()}
    in_training = backbone.train()(images)

    assert all(torch.equal(one, other) for one, other in zip(in_training, in_eval, strict=True))
    assert all(torch.equal(buffer, before[name]) for name, buffer in backbone.named_buffers())


def test_a_new_backbone_is_in_training_mode_and_its_batch_normalisation_is_not() -> None:
    backbone = ResNet((1, 1, 1, 1), stem_channels=8)

    assert backbone.training
    assert backbone.layer1.training
    assert not any(layer.training for layer in backbone.modules() if isinstance(layer, nn.BatchNorm2d))
