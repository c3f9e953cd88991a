"""Which object each box stands for: assignment by the largest overlap.

Shapes: N boxes, G objects of the ground truth.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gridrt.config import AssignConfig
from gridrt.ops.boxes import area, intersection

BACKGROUND = -1
IGNORED = -2
"""Neither an object nor background: overlaps one too little for the first and too much for the second."""

_LEAST_UNION = 1e-6


def assign(boxes: Tensor, objects: Tensor, config: AssignConfig) -> Tensor:
    """The object that each box stands for.

    First every box takes the object it overlaps most, if enough. Then every object takes all boxes that overlap it
    most, if enough, from whomever they were with; of two objects that take the same box, the later one has it.

    Args:
        boxes: float32 [N, 4], xyxy.
        objects: float32 [G, 4], xyxy.
        config: what is enough.

    Returns:
        int64 [N]: index into `objects`, or BACKGROUND, or IGNORED.
    """
    overlaps = _iou(objects, boxes)  # [G, N]
    if overlaps.numel() == 0:
        return torch.full((len(boxes),), BACKGROUND, device=boxes.device)
    most, choice = overlaps.max(0)
    assigned = torch.full_like(choice, IGNORED)
    assigned = torch.where(most < config.negative_iou, BACKGROUND, assigned)
    assigned = torch.where(most >= config.positive_iou, choice, assigned)
    taker = _last_taker(overlaps, config.best_match_iou)
    return torch.where(taker >= 0, taker, assigned)


def _last_taker(overlaps: Tensor, least: float) -> Tensor:
    """The last object whose best overlap each box reaches exactly: [G, N] -> int64 [N], -1 where there is none."""
    best = overlaps.amax(1, keepdim=True)
    takes = (overlaps == best) & (best >= least)
    index = torch.arange(len(overlaps), device=overlaps.device).unsqueeze(1)
    return torch.where(takes, index, -1).amax(0)


def _iou(boxes: Tensor, others: Tensor) -> Tensor:
    """Overlap of every pair, 0 between boxes without area: [N, 4], [M, 4] -> [N, M]."""
    shared = intersection(boxes, others)
    union = area(boxes)[:, None] + area(others)[None, :] - shared
    return shared / union.clamp(min=_LEAST_UNION)
