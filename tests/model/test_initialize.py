"""Weights to start from: all of them drawn, each with the spread that the published recipe gives it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.initialize import initialize
from gridrt.model.presets import build


@pytest.fixture(scope="module")
def model() -> GridRCNN:
    """R-50 whose every weight was unusable before."""
    model = build("r50", num_classes=80)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            tensor.fill_(torch.nan if tensor.is_floating_point() else 7)
    torch.manual_seed(0)
    initialize(model)
    return model


def xavier(inputs: int, outputs: int) -> float:
    return math.sqrt(2 / (inputs + outputs))


def kaiming(outputs: int) -> float:
    return math.sqrt(2 / outputs)


def test_nothing_is_left_as_it_was(model: GridRCNN) -> None:
    assert [name for name, tensor in model.state_dict().items() if not tensor.isfinite().all()] == []


@pytest.mark.parametrize(
    ("name", "std"),
    [
        ("backbone.layer3.0.conv2", kaiming(256 * 9)),
        ("backbone.layer4.0.downsample.0", kaiming(2048)),
        ("neck.lateral_convs.3.conv", xavier(2048, 256)),
        ("neck.fpn_convs.0.conv", xavier(256 * 9, 256 * 9)),
        ("rpn_head.rpn_conv", 0.01),
        ("rpn_head.rpn_cls", 0.01),
        ("rpn_head.rpn_reg", 0.01),
        ("roi_head.bbox_head.shared_fcs.0", xavier(12544, 1024)),
        ("roi_head.bbox_head.shared_fcs.1", xavier(1024, 1024)),
        ("roi_head.bbox_head.fc_cls", 0.01),
        ("roi_head.grid_head.convs.1.conv", kaiming(576 * 9)),
        ("roi_head.grid_head.forder_trans.4.0.0", 0.0354),
        ("roi_head.grid_head.sorder_trans.8.1.1", kaiming(64)),
        ("roi_head.grid_head.deconv1", 1e-3),
        ("roi_head.grid_head.deconv2", 1e-3),
    ],
)
def test_spread(model: GridRCNN, name: str, std: float) -> None:
    weight = model.get_submodule(name).weight

    assert isinstance(weight, torch.Tensor)
    assert weight.std().item() == pytest.approx(std, rel=0.08)
    assert abs(weight.mean().item()) < 4 * std / math.sqrt(weight.numel())


def test_fully_connected_layers_and_the_pyramid_are_uniform(model: GridRCNN) -> None:
    for layer in (model.roi_head.bbox_head.shared_fcs[1], model.get_submodule("neck.fpn_convs.0.conv")):
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        assert weight.abs().max().item() == pytest.approx(math.sqrt(3) * weight.std().item(), rel=0.01)


def test_biases_are_zero_but_for_the_heatmaps_prior(model: GridRCNN) -> None:
    biases = {name: tensor for name, tensor in model.named_parameters() if name.endswith(".bias")}
    prior = biases.pop("roi_head.grid_head.deconv2.bias")

    assert prior.sigmoid().tolist() == pytest.approx([0.01] * 9)
    assert [name for name, bias in biases.items() if bias.any()] == []


def test_normalisation_starts_as_the_identity(model: GridRCNN) -> None:
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.GroupNorm):
            assert (layer.weight == 1).all()
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            assert (layer.running_mean == 0).all()
            assert (layer.running_var == 1).all()


def test_a_seed_repeats_the_weights() -> None:
    def weights() -> dict[str, torch.Tensor]:
        model = build("tiny", num_classes=2)
        torch.manual_seed(1)
        initialize(model)
        return model.state_dict()

    first, second = weights(), weights()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_boxes_of_the_baseline_start_almost_where_they_were_proposed() -> None:
    model = build("faster_tiny", num_classes=80)
    torch.manual_seed(0)

    initialize(model)

    layer = model.get_submodule("roi_head.bbox_head.fc_reg")
    assert isinstance(layer, nn.Linear)
    assert layer.weight.std().item() == pytest.approx(1e-3, rel=0.05)
    assert not layer.bias.any()
