"""The detector's three custom ops by one implementation: their definitions, kernels, or symbols in a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from gridrt.ops.grid_fusion import FusionWeights, grid_fusion
from gridrt.ops.nms import batched_nms
from gridrt.ops.roi_align import multi_level_roi_align


class BatchedNms(Protocol):
    """As `gridrt.ops.nms.batched_nms`."""

    def __call__(
        self,
        boxes: Tensor,
        scores: Tensor,
        groups: Tensor,
        *,
        iou_threshold: float,
        score_threshold: float,
        max_output: int,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes, scores and groups of what survives."""


MultiLevelRoiAlign = Callable[[Sequence[Tensor], Tensor, Sequence[int], int], Tensor]
"""As `gridrt.ops.roi_align.multi_level_roi_align`."""


@dataclass(frozen=True)
class CustomOps:
    """One function per op, with parameters and result of its definition in `gridrt.ops`.

    Attributes:
        multi_level_roi_align: features, RoIs, strides, output size -> pooled.
        grid_fusion: features and the weights of both orders -> fused.
        batched_nms: candidates -> survivors.
    """

    multi_level_roi_align: MultiLevelRoiAlign
    grid_fusion: Callable[[Tensor, FusionWeights, FusionWeights], Tensor]
    batched_nms: BatchedNms


DEFINITIONS = CustomOps(multi_level_roi_align, grid_fusion, batched_nms)
"""The definitions, in plain PyTorch."""
