"""MultiLevelRoiAlign at the shapes of R-50."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.gpu_case import IMAGE_SIZE, Case
from benchmarks.ops.multi_level_roi_align.baseline import roi_align_by_level
from benchmarks.ops.multi_level_roi_align.inputs import pyramid_and_rois
from benchmarks.ops.multi_level_roi_align.roofline import roi_align_cost
from benchmarks.ops.photograph_boxes import photograph_boxes
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL, STRIDES


def cases() -> Iterator[Case]:
    """Proposals, then detections, random ones and those of a photograph, in every variant."""
    for bins, count in ((7, 1000), (14, 100)):
        maps, random = pyramid_and_rois(count, 256, IMAGE_SIZE)
        boxes = photograph_boxes(count)
        of_photograph = torch.cat((random[:, :1], boxes), 1)
        for origin, rois in (("photograph", of_photograph), ("random", random)):
            for variant in MULTI_LEVEL_ROI_ALIGN_KERNEL.variants:
                yield Case(
                    MULTI_LEVEL_ROI_ALIGN_KERNEL,
                    variant,
                    {"output_size": bins, "strides": STRIDES},
                    [*maps, rois],
                    origin,
                    rois.shape,
                    roi_align_cost(maps, rois, STRIDES, bins, variant.feature_type),
                    partial(roi_align_by_level, STRIDES, bins),
                )
