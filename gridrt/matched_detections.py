"""Match the detections of two detectors on one image.

Rows do not correspond: two scores that differ in the last bit may swap ranks. So each detection is matched with the
nearest one of its label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridrt.types import Detections, Float32Array

MATCHED_WITHIN = 0.5
"""Detections of one label whose sides differ by less than this share of the box's longer side are the same object."""


@dataclass(frozen=True)
class MatchedDetections:
    """The matched detections of a reference and another detector.

    Attributes:
        pairs: M times (row of the reference, row of the other side), nearest first.
        box_errors: float32 [M], largest difference of a coordinate in pixels, for each pair.
        score_errors: float32 [M], for each pair.
        overlaps: float32 [M], intersection over union of each pair.
        missing: how many detections of the reference are unmatched.
        extra: how many of the other side are.
    """

    pairs: Sequence[tuple[int, int]]
    box_errors: Float32Array
    score_errors: Float32Array
    overlaps: Float32Array
    missing: int
    extra: int

    @property
    def matched(self) -> int:
        """How many detections are matched."""
        return len(self.box_errors)

    def outside(self, box_tolerance: float, score_tolerance: float) -> int:
        """How many detections are missing, extra, or differ by more than the tolerances."""
        differ = (self.box_errors > box_tolerance) | (self.score_errors > score_tolerance)
        return int(differ.sum()) + self.missing + self.extra


def match_detections(reference: Detections, other: Detections) -> MatchedDetections:
    """Match the detections of both sides, nearest first."""
    distance = np.abs(reference.boxes[:, None] - other.boxes[None]).max(-1, initial=0)  # [N, M]
    size = (reference.boxes[:, 2:] - reference.boxes[:, :2]).max(-1, initial=0)  # [N]
    allowed = (reference.labels[:, None] == other.labels[None]) & (distance <= MATCHED_WITHIN * size[:, None])
    pairs = _nearest_first(np.where(allowed, distance, np.inf))
    rows, columns = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    return MatchedDetections(
        pairs=pairs,
        box_errors=distance[rows, columns],
        score_errors=np.abs(reference.scores[rows] - other.scores[columns]),
        overlaps=_overlaps(reference.boxes[rows], other.boxes[columns]),
        missing=len(reference) - len(pairs),
        extra=len(other) - len(pairs),
    )


def _overlaps(boxes: Float32Array, others: Float32Array) -> Float32Array:
    """Intersection over union, row by row; 1 where both boxes are without area."""
    sides = np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])  # [M, 2]
    shared = sides.clip(min=0).prod(1)
    areas = [(each[:, 2:] - each[:, :2]).prod(1) for each in (boxes, others)]
    union = areas[0] + areas[1] - shared
    ratio: Float32Array = np.divide(shared, union, out=np.ones_like(shared), where=union > 0)
    return ratio


def _nearest_first(distance: Float32Array) -> list[tuple[int, int]]:
    """Pairs (row, column) by growing distance, no row or column twice, none infinitely far apart."""
    pairs: list[tuple[int, int]] = []
    free = distance.copy()
    for _ in range(min(distance.shape)):
        row, column = divmod(int(free.argmin()), free.shape[1])
        if not np.isfinite(free[row, column]):
            break
        pairs.append((row, column))
        free[row, :], free[:, column] = np.inf, np.inf
    return pairs
