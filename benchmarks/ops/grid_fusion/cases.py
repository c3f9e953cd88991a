"""GridFusion at the shapes of R-50."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.gpu_case import Baseline, Case, on_gpu
from benchmarks.ops.grid_fusion.baseline import convolution_pairs
from benchmarks.ops.grid_fusion.inputs import fusion_inputs
from benchmarks.ops.grid_fusion.roofline import fusion_cost
from gridrt.ops.grid_fusion import FusionWeights
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Variant

ROIS, CHANNELS, SIDE = 100, 64, 7


def cases() -> Iterator[Case]:
    """100 detections, in every variant."""
    features, first, second = fusion_inputs(ROIS, CHANNELS, SIDE)

    def baseline(variant: Variant) -> Baseline:
        orders = [FusionWeights(*on_gpu(order, variant)) for order in (first, second)]
        return convolution_pairs(on_gpu([features], variant)[0], orders)

    for variant in GRID_FUSION_KERNEL.variants:
        yield Case(
            GRID_FUSION_KERNEL,
            variant,
            {},
            [features, *first, *second],
            features.shape,
            fusion_cost(ROIS, CHANNELS, SIDE, variant.precision),
            partial(baseline, variant),
        )
