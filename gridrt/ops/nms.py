"""Non-maximum suppression: greedy, by descending score, `iou > threshold` suppresses.

Of equal scores the lower index comes first. Groups (pyramid levels, classes) are separated by an offset for each group,
in float32, as in the reference: the overlaps are those of the shifted, hence rounded, boxes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gridrt.ops.boxes import area, intersection

BLOCK = 1024


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, max_output: int | None = None) -> Tensor:
    """Indices of the boxes that survive, best first.

    The boxes are processed in blocks, which bounds the memory and stops early at `max_output`.

    Args:
        boxes: float32 [N, 4], xyxy.
        scores: float32 [N].
        iou_threshold: a box is suppressed if its IoU with a better survivor exceeds this; 0/0 does not.
        max_output: return at most this many.

    Returns:
        int64 [K].
    """
    order = scores.argsort(descending=True, stable=True)
    kept = order[:0]
    for block in order.split(BLOCK):
        free = block[~_overlaps(boxes[kept], boxes[block], iou_threshold).any(0)]
        kept = torch.cat((kept, free[_greedy(_overlaps(boxes[free], boxes[free], iou_threshold))]))
        if max_output is not None and len(kept) >= max_output:
            return kept[:max_output]
    return kept


def _overlaps(boxes: Tensor, others: Tensor, iou_threshold: float) -> Tensor:
    """Whether the IoU of each pair exceeds the threshold: [N, 4], [M, 4] -> bool [N, M]."""
    shared = intersection(boxes, others)
    iou = shared / (area(boxes)[:, None] + area(others)[None, :] - shared)
    return iou > iou_threshold


def _greedy(overlaps: Tensor) -> Tensor:
    """Which boxes a greedy pass in order keeps: bool [N, N] -> bool [N].

    A box is kept if no kept box before it overlaps it. The greedy result is the only fixed point of that rule, and
    iterating the rule from any start reaches it, in practice within a few rounds.
    """
    before = overlaps.triu(1).float()  # [suppressor, suppressed]
    keep = overlaps.new_ones(len(overlaps))
    while True:
        settled = keep.float() @ before == 0
        if torch.equal(settled, keep):
            return keep
        keep = settled


def nms_by_group(
    boxes: Tensor, scores: Tensor, groups: Tensor, iou_threshold: float, max_output: int | None = None
) -> Tensor:
    """As `nms`, but boxes suppress only boxes of the same group.

    Args:
        boxes: float32 [N, 4], xyxy, no coordinate negative.
        scores: float32 [N].
        groups: int [N].
        iou_threshold: as in `nms`.
        max_output: as in `nms`, for all groups together.

    Returns:
        int64 [K], best first.
    """
    if not len(boxes):
        return boxes.new_empty(0, dtype=torch.int64)
    offsets = groups.to(boxes.dtype) * (boxes.max() + 1)
    return nms(boxes + offsets[:, None], scores, iou_threshold, max_output)


def batched_nms(
    boxes: Tensor, scores: Tensor, groups: Tensor, *, iou_threshold: float, score_threshold: float, max_output: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The best detections of each image, in a fixed number of rows.

    Row n and column c of the scores are one candidate: box n in group `groups[n] + c`. Candidates at or below the
    score threshold are ignored.

    Args:
        boxes: float32 [B, N, 4], xyxy, no coordinate negative.
        scores: float32 [B, N, C].
        groups: int32 [N].
        iou_threshold: as in `nms`.
        score_threshold: candidates must exceed it.
        max_output: D, rows per image.

    Returns:
        boxes float32 [B, D, 4], scores float32 [B, D] descending, groups int32 [B, D]; 0, 0 and -1 in unused
        rows.
    """
    images = [
        _best_of_image(boxes[b], scores[b], groups, iou_threshold, score_threshold, max_output)
        for b in range(len(boxes))
    ]
    out_boxes, out_scores, out_groups = zip(*images, strict=True)
    return torch.stack(out_boxes), torch.stack(out_scores), torch.stack(out_groups)


def _best_of_image(
    boxes: Tensor, scores: Tensor, groups: Tensor, iou_threshold: float, score_threshold: float, max_output: int
) -> tuple[Tensor, Tensor, Tensor]:
    row, column = (scores > score_threshold).nonzero(as_tuple=True)
    boxes, scores, groups = boxes[row], scores[row, column], groups[row] + column.to(groups.dtype)
    keep = nms_by_group(boxes, scores, groups, iou_threshold, max_output)
    return (
        _fill_rows(boxes[keep], max_output, 0),
        _fill_rows(scores[keep], max_output, 0),
        _fill_rows(groups[keep], max_output, -1),
    )


def _fill_rows(values: Tensor, rows: int, fill: float) -> Tensor:
    """Append rows of `fill` up to `rows`: [K, ...] -> [rows, ...]."""
    return torch.cat((values, values.new_full((rows - len(values), *values.shape[1:]), fill)))
