"""How far the detections of two detectors differ, each run alone from the pixels to the boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridrt.matched_detections import match_detections
from gridrt.runtime.non_finite import are_finite
from gridrt.types import Detections, Float32Array

SCORE_THRESHOLD = 0.3
"""Detections below it, which gridrt detect leaves out, may be missing; they can still be partners."""


@dataclass(frozen=True)
class EndToEndDifference:
    """Of the detections that score at least `SCORE_THRESHOLD` on either side.

    Attributes:
        detections: how many both sides have together.
        unmatched: share of those that the other side does not have, whatever its score.
        iou_loss: mean of 1 - IoU over the matched ones of the first side.
    """

    detections: int
    unmatched: float
    iou_loss: float


def end_to_end_difference(reference: Sequence[Detections], other: Sequence[Detections]) -> EndToEndDifference:
    """Match the detections of both sides, image by image; all 0 where there are none, NaN where one is not finite."""
    count = missing = 0
    losses: list[Float32Array] = [np.zeros(0, np.float32)]
    for mine, theirs in zip(reference, other, strict=True):
        if not are_finite(mine.boxes, mine.scores, theirs.boxes, theirs.scores):
            return EndToEndDifference(max(len(mine), len(theirs)), math.nan, math.nan)
        confident, others_confident = mine.above(SCORE_THRESHOLD), theirs.above(SCORE_THRESHOLD)
        matched = match_detections(confident, theirs)
        count += len(confident) + len(others_confident)
        missing += matched.missing + match_detections(others_confident, mine).missing
        losses.append(1 - matched.overlaps)
    joined = np.concatenate(losses)
    return EndToEndDifference(count, missing / max(count, 1), float(joined.mean()) if len(joined) else 0.0)
