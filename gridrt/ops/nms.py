"""Non-maximum suppression: greedy, by descending score, `iou > threshold` suppresses.

Ties in score go to the lower index. Groups (pyramid levels, classes) are kept apart by shifting each into its own
region of the plane, in float32, as the reference does: overlaps are those of the shifted, hence rounded, boxes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gridrt.ops.boxes import area, intersection

BLOCK = 1024


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, max_output: int | None = None) -> Tensor:
    """Indices of the boxes that survive, best first.

    Works through the boxes in blocks, so memory stays bounded and a limited output ends early.

    Args:
        boxes: float32 [N, 4], xyxy.
        scores: float32 [N].
        iou_threshold: a box goes if its overlap with a better survivor exceeds this; 0/0 does not.
        max_output: how many to return at most.

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
    """Whether the overlap of each pair exceeds the threshold: [N, 4], [M, 4] -> bool [N, M]."""
    shared = intersection(boxes, others)
    iou = shared / (area(boxes)[:, None] + area(others)[None, :] - shared)
    return iou > iou_threshold


def _greedy(overlaps: Tensor) -> Tensor:
    """Which boxes a greedy pass over rows in order keeps: bool [N, N] -> bool [N].

    A box is kept if no kept box before it overlaps it. Iterating that sentence from any start settles the boxes
    one after another, in practice within a few rounds: its only fixed point is the greedy result.
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
    """As `nms`, but boxes suppress only those of their own group.

    Args:
        boxes: float32 [N, 4], xyxy, coordinates of at least 0.
        scores: float32 [N].
        groups: int [N].
        iou_threshold: as in `nms`.
        max_output: as in `nms`, over all groups together.

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

    Row n and column c of the scores make one candidate: box n in group `groups[n] + c`. Candidates at or below the
    score threshold do not take part.

    Args:
        boxes: float32 [B, N, 4], xyxy, coordinates of at least 0.
        scores: float32 [B, N, C].
        groups: int32 [N].
        iou_threshold: as in `nms`.
        score_threshold: strict.
        max_output: D, rows per image.

    Returns:
        boxes float32 [B, D, 4], scores float32 [B, D] descending, groups int32 [B, D]; unused rows hold 0, 0, -1.
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
