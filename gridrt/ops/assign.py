"""Assignment of boxes to ground-truth objects by the largest overlap (mmdetection's MaxIoUAssigner).

Shapes: N boxes, G objects of the ground truth.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gridrt.config import AssignConfig
from gridrt.ops.boxes import area, intersection

BACKGROUND = -1
IGNORED = -2
"""Overlaps an object too little to be positive and too much to be background."""

_LEAST_UNION = 1e-6


def assign(boxes: Tensor, objects: Tensor, config: AssignConfig) -> Tensor:
    """Assign an object to each box.

    First each box is assigned the object it overlaps most, if the overlap suffices. Then each object claims all boxes
    that reach its largest overlap, if that suffices, whatever they were assigned before. If two objects claim the same
    box, the later object gets it.

    Args:
        boxes: float32 [N, 4], xyxy.
        objects: float32 [G, 4], xyxy.
        config: the overlaps that suffice.

    Returns:
        int64 [N]: index into `objects`, or BACKGROUND, or IGNORED.
    """
    shared = intersection(objects, boxes)
    union = area(objects)[:, None] + area(boxes)[None, :] - shared
    overlaps = shared / union.clamp(min=_LEAST_UNION)  # IoU of every pair, 0 between boxes without area: [G, N]
    if overlaps.numel() == 0:
        return torch.full((len(boxes),), BACKGROUND, device=boxes.device)
    largest, choice = overlaps.max(0)
    assigned = torch.full_like(choice, IGNORED)
    assigned = torch.where(largest < config.negative_iou, BACKGROUND, assigned)
    assigned = torch.where(largest >= config.positive_iou, choice, assigned)

    best = overlaps.amax(1, keepdim=True)  # of each object
    claims = (overlaps == best) & (best >= config.best_match_iou)
    index = torch.arange(len(objects), device=boxes.device).unsqueeze(1)
    last_claimant = torch.where(claims, index, -1).amax(0)  # [N]
    return torch.where(last_claimant >= 0, last_claimant, assigned)
