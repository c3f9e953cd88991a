"""How far what two detectors find is apart, each run alone from the pixels to the boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gridrt.agreement import agreement
from gridrt.types import Detections

SCORE_THRESHOLD = 0.3
"""Detections below it, which gridrt detect leaves out, may be missing; they may still be partners."""


@dataclass(frozen=True)
class WholeDifference:
    """Of the detections of at least `SCORE_THRESHOLD` on either side.

    Attributes:
        detections: of both sides together.
        unpaired: share of those that the other side has not, with any score.
        overlap_loss: mean of 1 - IoU of those of the first side that have a partner.
    """

    detections: int
    unpaired: float
    overlap_loss: float


def whole_difference(reference: Sequence[Detections], other: Sequence[Detections]) -> WholeDifference:
    """Pair the detections of both sides, image by image; all 0 where there are none."""
    count = missing = 0
    losses = [np.zeros(0, np.float32)]
    for mine, theirs in zip(reference, other, strict=True):
        sure, others_sure = mine.above(SCORE_THRESHOLD), theirs.above(SCORE_THRESHOLD)
        kept = agreement(sure, theirs)
        count += len(sure) + len(others_sure)
        missing += kept.missing + agreement(others_sure, mine).missing
        losses.append(1 - kept.overlaps)
    joined = np.concatenate(losses)
    return WholeDifference(count, missing / max(count, 1), float(joined.mean()) if len(joined) else 0.0)
