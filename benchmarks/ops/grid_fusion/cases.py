"""GridFusion at the shapes of R-50."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.gpu_case import Case
from benchmarks.ops.grid_fusion.baseline import convolution_pairs
from benchmarks.ops.grid_fusion.inputs import fusion_inputs
from benchmarks.ops.grid_fusion.roofline import fusion_cost
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL

ROIS, CHANNELS, SIDE = 100, 64, 7


def cases() -> Iterator[Case]:
    """100 detections, in every variant."""
    features, first, second = fusion_inputs(ROIS, CHANNELS, SIDE)
    for variant in GRID_FUSION_KERNEL.variants:
        cost = fusion_cost(ROIS, CHANNELS, SIDE, variant.feature_type)
        inputs = [features, *first, *second]
        yield Case(GRID_FUSION_KERNEL, variant, {}, inputs, "random", features.shape, cost, convolution_pairs)
