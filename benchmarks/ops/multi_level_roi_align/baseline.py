"""MultiLevelRoiAlign by PyTorch: torchvision's `roi_align` level by level, or the definition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from benchmarks.gpu_case import WITHOUT_TORCHVISION, Baseline, Inputs, torchvision_ops
from gridrt.ops.roi_align import multi_level_roi_align, roi_levels


def roi_align_by_level(strides: Sequence[int], bins: int, inputs: Inputs) -> Iterator[Baseline]:
    """One call of torchvision for each level, and the results in one tensor; without it, the definition in torch.

    Which RoIs are of which level is known before, or found within, which waits for the GPU once a level.
    """
    *maps, rois = inputs
    ops = torchvision_ops()
    if ops is None:
        name = f"gridrt.ops.roi_align {WITHOUT_TORCHVISION}"
        yield Baseline(name, lambda: multi_level_roi_align(maps, rois, strides, bins), is_captured=False)
        return

    def indices() -> tuple[list[Tensor], Tensor]:
        levels = roi_levels(rois[:, 1:], len(maps))
        of_levels = [(levels == index).nonzero()[:, 0] for index in range(len(maps))]
        return of_levels, torch.cat(of_levels).argsort()

    def pooled(of_levels: Sequence[Tensor], order: Tensor) -> Tensor:
        parts = [
            ops.roi_align(feature, rois[chosen].to(feature.dtype), bins, 1 / stride, aligned=True)
            for feature, chosen, stride in zip(maps, of_levels, strides, strict=True)
        ]
        return torch.cat(parts).index_select(0, order)

    known = indices()
    yield Baseline("torchvision roi_align, levels known", lambda: pooled(*known), is_captured=True)
    yield Baseline("torchvision roi_align by level", lambda: pooled(*indices()), is_captured=False)
