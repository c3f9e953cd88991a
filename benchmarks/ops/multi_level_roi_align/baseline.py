"""MultiLevelRoiAlign by PyTorch: torchvision's `roi_align` level by level, or the definition."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from benchmarks.gpu_case import WITHOUT_TORCHVISION, Baseline, torchvision_ops
from gridrt.ops.roi_align import multi_level_roi_align, roi_levels


def roi_align_by_level(maps: Sequence[Tensor], rois: Tensor, strides: Sequence[int], bins: int) -> Baseline:
    """One call of torchvision for each level, and the results in one tensor; without it, the definition in torch."""
    ops = torchvision_ops()
    if ops is None:
        name = f"gridrt.ops.roi_align {WITHOUT_TORCHVISION}"
        return name, lambda: multi_level_roi_align(maps, rois, strides, bins)

    def call() -> Tensor:
        levels = roi_levels(rois[:, 1:], len(maps))
        pooled = maps[0].new_zeros((len(rois), maps[0].shape[1], bins, bins))
        for index, (feature, stride) in enumerate(zip(maps, strides, strict=True)):
            chosen = (levels == index).nonzero()[:, 0]
            pooled[chosen] = ops.roi_align(feature, rois[chosen].to(feature.dtype), bins, 1 / stride, aligned=True)
        return pooled

    return "torchvision roi_align by level", call
