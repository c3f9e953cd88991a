"""MultiLevelRoiAlign at the shapes of R-50."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from torch import Tensor

from benchmarks.gpu_case import IMAGE_SIZE, Baseline, Case, on_gpu
from benchmarks.ops.multi_level_roi_align.baseline import roi_align_by_level
from benchmarks.ops.multi_level_roi_align.inputs import pyramid_and_rois
from benchmarks.ops.multi_level_roi_align.roofline import roi_align_cost
from gridrt.plugins.kernel import Variant
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL, STRIDES


def cases() -> Iterator[Case]:
    """Proposals, then detections, in every variant."""
    for bins, count in ((7, 1000), (14, 100)):
        maps, rois = pyramid_and_rois(count, 256, IMAGE_SIZE)
        for variant in MULTI_LEVEL_ROI_ALIGN_KERNEL.variants:
            yield Case(
                MULTI_LEVEL_ROI_ALIGN_KERNEL,
                variant,
                {"output_size": bins, "strides": STRIDES},
                [*maps, rois],
                rois.shape,
                roi_align_cost(maps, rois, STRIDES, bins, variant.precision),
                partial(_baseline, maps, rois, bins, variant),
            )


def _baseline(maps: Sequence[Tensor], rois: Tensor, bins: int, variant: Variant) -> Baseline:
    """On the GPU."""
    return roi_align_by_level(on_gpu(maps, variant), rois.cuda(), STRIDES, bins)
