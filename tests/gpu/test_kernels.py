"""The kernels, launched on a GPU, give what their definitions give."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from benchmarks.gpu_inputs import candidates, fusion_inputs, pyramid_and_rois
from benchmarks.gpu_kernel import launched
from gridrt.ops.grid_fusion import FusionWeights, grid_fusion
from gridrt.ops.nms import batched_nms
from gridrt.ops.roi_align import multi_level_roi_align
from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL
from gridrt.plugins.contract import Contract
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Variant
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL, STRIDES

pytestmark = pytest.mark.gpu


def rounded(tensors: Sequence[Tensor], variant: Variant) -> list[Tensor]:
    """As the kernel gets them, in float32 for the definition."""
    return [tensor.to(getattr(torch, variant.precision)).float() for tensor in tensors]


def assert_close(actual: Tensor, expected: Tensor, contract: Contract, variant: Variant) -> None:
    tolerance = contract.tolerances[variant.precision]
    assert actual.dtype == getattr(torch, variant.precision)
    torch.testing.assert_close(actual.float().cpu(), expected, atol=tolerance.absolute, rtol=tolerance.relative)


@pytest.mark.parametrize("variant", MULTI_LEVEL_ROI_ALIGN_KERNEL.variants, ids=lambda variant: variant.name)
@pytest.mark.parametrize(("rois", "channels", "bins"), [(0, 64, 7), (1, 8, 14), (100, 64, 7), (50, 256, 14)])
def test_roi_align_pools_what_the_definition_pools(variant: Variant, rois: int, channels: int, bins: int) -> None:
    maps, table = pyramid_and_rois(rois, channels, (256, 320), batch=2)
    expected = multi_level_roi_align(rounded(maps, variant), table, STRIDES, bins)
    attributes = {"output_size": bins, "strides": STRIDES}
    (pooled,) = launched(MULTI_LEVEL_ROI_ALIGN_KERNEL, variant, attributes, *maps, table)
    assert_close(pooled, expected, MULTI_LEVEL_ROI_ALIGN_KERNEL.contract, variant)


@pytest.mark.parametrize("variant", GRID_FUSION_KERNEL.variants, ids=lambda variant: variant.name)
@pytest.mark.parametrize(("rois", "channels", "side"), [(0, 16, 7), (1, 16, 5), (100, 16, 7), (20, 64, 7)])
def test_grid_fusion_fuses_as_the_definition_does(variant: Variant, rois: int, channels: int, side: int) -> None:
    features, first, second = fusion_inputs(rois, channels, side)
    weights = [FusionWeights(*rounded(order, variant)) for order in (first, second)]
    expected = grid_fusion(rounded([features], variant)[0], *weights)
    (fused,) = launched(GRID_FUSION_KERNEL, variant, {}, features, *first, *second)
    assert_close(fused, expected, GRID_FUSION_KERNEL.contract, variant)


@pytest.mark.parametrize(
    ("rows", "columns", "groups", "iou", "score", "kept"),
    [(0, 1, 1, 0.7, -1.0, 10), (5000, 1, 5, 0.7, -1.0, 1000), (1000, 80, 1, 0.3, 0.03, 100)],
)
def test_nms_keeps_the_same_bits(rows: int, columns: int, groups: int, iou: float, score: float, kept: int) -> None:
    inputs = candidates(rows, columns, groups, batch=2)
    expected = batched_nms(*inputs, iou_threshold=iou, score_threshold=score, max_output=kept)
    attributes = {"iou_threshold": iou, "score_threshold": score, "max_output": kept}
    actual = launched(BATCHED_NMS_KERNEL, Variant("float32"), attributes, *inputs)
    for one, other in zip(actual, expected, strict=True):
        assert torch.equal(one.cpu(), other)
