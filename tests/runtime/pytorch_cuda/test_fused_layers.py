"""Fused layers give what the layers give that they replace; what PyTorch has on CUDA only is its definition here."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.library import _scoped_library

from gridrt.model.bbox_head import BBoxHead
from gridrt.model.fpn import FPN
from gridrt.model.grid_head import GridHead
from gridrt.model.resnet import ResNet
from gridrt.model.rpn_head import RPNHead
from gridrt.ops import fused_layers as definitions
from gridrt.ops.group_norm_relu import group_norm_relu
from gridrt.runtime.pytorch_cuda import fused_layers
from gridrt.runtime.pytorch_cuda.fold_batch_norms import fold_batch_norms
from gridrt.runtime.pytorch_cuda.fused_layers import (
    FusedBBoxHead,
    FusedFPN,
    FusedGridHead,
    FusedResNet,
    FusedRPNHead,
)


@pytest.fixture(autouse=True)
def _definitions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(fused_layers, "GROUP_NORM_RELU", group_norm_relu)
    with _scoped_library("aten", "IMPL") as aten, torch.inference_mode():
        aten.impl("cudnn_convolution_relu", definitions.cudnn_convolution_relu, "CPU")
        aten.impl("cudnn_convolution_add_relu", definitions.cudnn_convolution_add_relu, "CPU")
        aten.impl("mm.dtype", definitions.product, "CPU")
        yield


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def test_a_backbone_with_folded_norms_and_maps_stay_channels_last() -> None:
    torch.manual_seed(0)
    backbone = ResNet((1, 2, 1, 1), stem_channels=8, groups=2, base_width=32).eval()
    for module in backbone.modules():
        if isinstance(module, nn.BatchNorm2d):
            for statistic in (module.running_mean, module.running_var, module.weight.data, module.bias.data):
                assert statistic is not None
                statistic.uniform_(0.5, 1.5)
    images = torch.randn(1, 3, 64, 96)
    expected = backbone(images)
    fold_batch_norms(backbone)
    fused = FusedResNet(backbone).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for one, other in zip(fused(images), expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)
        assert one.is_contiguous(memory_format=torch.channels_last)


def test_the_pyramid() -> None:
    torch.manual_seed(0)
    neck = FPN((8, 16, 24), channels=8)
    features = [channels_last(torch.randn(2, channels, side, side)) for channels, side in ((8, 12), (16, 6), (24, 3))]
    for one, other in zip(FusedFPN(neck)(features), neck(features), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float16, 4e-3)])
def test_logits_and_deltas_of_all_levels(dtype: torch.dtype, tolerance: float) -> None:
    torch.manual_seed(0)
    head = RPNHead(channels=16)
    pyramid = [channels_last(torch.randn(2, 16, side, side + 1)).to(dtype) for side in (9, 4, 1)]
    expected = head([level.float() for level in pyramid])
    head.rpn_conv.to(dtype)
    for one, other in zip(FusedRPNHead(head)(pyramid), expected, strict=True):
        for found, wanted in zip(one, other, strict=True):
            assert (found.dtype, found.shape) == (torch.float32, wanted.shape)
            torch.testing.assert_close(found, wanted, atol=tolerance, rtol=tolerance)


def test_proposals_are_chosen_from_the_same_anchors() -> None:
    torch.manual_seed(0)
    head = RPNHead(channels=16)
    pyramid = [channels_last(torch.randn(1, 16, 64 >> level, 96 >> level)) for level in range(5)]
    sizes = torch.tensor([[256, 384]], dtype=torch.int32)
    found, expected = (each.candidates(each(pyramid), sizes, head.proposals)[1] for each in (FusedRPNHead(head), head))
    torch.testing.assert_close(found, expected)


def test_pooled_features_are_taken_as_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    head = BBoxHead(5, channels=8, roi_size=7, hidden=32)
    pooled = channels_last(torch.randn(6, 8, 7, 7))
    expected, fused = head(pooled), FusedBBoxHead(copy.deepcopy(head), 8)
    taken: list[Tensor] = []
    product = torch._addmm_activation

    def recorded(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        taken.append(x)
        return product(bias, x, weight)

    monkeypatch.setattr(torch, "_addmm_activation", recorded)
    torch.testing.assert_close(fused(pooled), expected, atol=1e-5, rtol=1e-5)
    assert taken[0].data_ptr() == pooled.data_ptr()  # no copy


@pytest.mark.parametrize("point_channels", [16, 6], ids=["by the kernel", "by PyTorch"])
def test_the_grid_head(point_channels: int) -> None:
    torch.manual_seed(0)
    head = GridHead(in_channels=8, convs=2, point_channels=point_channels, groups=9)
    for module in head.modules():
        if isinstance(module, nn.GroupNorm):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.uniform_(-0.5, 0.5)
    pooled = channels_last(torch.randn(3, 8, 14, 14))
    points = head.convs(pooled)
    expected = head.heatmaps(points)
    fused = FusedGridHead(copy.deepcopy(head)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    assert fused.norm1.by_kernel is (point_channels == 16)
    torch.testing.assert_close(fused.convs(pooled), points, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(fused.heatmaps(points), expected, atol=1e-4, rtol=1e-4)
