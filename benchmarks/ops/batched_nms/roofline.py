"""Bytes of BatchedNms. Shapes: B images, N rows, C columns."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from benchmarks.gpu_cost import Cost


def nms_cost(boxes: Sequence[int], scores: Sequence[int], max_output: int) -> Cost:
    """Boxes, scores and groups in; boxes, scores and groups out. The number of comparisons depends on the data.

    Args:
        boxes: shape, [B, N, 4].
        scores: shape, [B, N, C].
        max_output: rows per image.
    """
    kept = boxes[0] * max_output * (4 + 1 + 1)
    return Cost(4 * (prod(boxes) + prod(scores) + boxes[1] + kept), {})
