"""What a comparison found: each stage with its tolerance, and the first stage that exceeds it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridrt.compare.differences import Share
from gridrt.compare.end_to_end import SCORE_THRESHOLD, EndToEndDifference
from gridrt.compare.tolerances import INPUT, ROWS, Tolerances
from gridrt.export.verify import BOX_TOLERANCE
from gridrt.stages import Stage

COMPARED: Mapping[Stage, Sequence[str]] = {
    "input": ("normalised image",),
    "fpn": tuple(f"P{level}" for level in range(2, 7)),
    "rpn": ("objectness", "deltas"),
    "proposals": ("proposals",),
    "box_head": ("class scores",),
    "detections": ("detections",),
    "grid_head": ("heatmaps",),
    "decode": ("boxes",),
}
"""The tensors that are compared, by the stage that produces them; a difference within other stages shows in these."""
CLASSES, END_TO_END = "classes", "end to end"
CHECKS = (CLASSES, *COMPARED, END_TO_END)
"""In the order in which they are reported: the class names, the stages, and both detectors run alone."""


@dataclass(frozen=True)
class Figure:
    """A difference and its tolerance.

    Attributes:
        what: was measured.
        value: of the difference, without unit: a relative RMS error, a share of boxes in 0..1, a mean of 1 - IoU, or a
            count of class names; infinite where shapes differ, NaN where a side is not finite.
        tolerance: the most that is allowed.
    """

    what: str
    value: float
    tolerance: float

    @property
    def exceeds(self) -> bool:
        """Whether it is too large, or not a number."""
        return not self.value <= self.tolerance

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON, which has neither infinity nor NaN: None."""
        value = self.value if math.isfinite(self.value) else None
        return {"what": self.what, "value": value, "at_most": self.tolerance, "exceeds": self.exceeds}


@dataclass(frozen=True)
class StageResult:
    """A stage of both detectors.

    Attributes:
        stage: one of `CHECKS`.
        figures: none where it was not compared.
    """

    stage: str
    figures: tuple[Figure, ...]

    @property
    def exceeds(self) -> bool:
        """Whether one of the figures does."""
        return any(figure.exceeds for figure in self.figures)

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"stage": self.stage, "figures": [figure.to_json() for figure in self.figures]}


def judged(
    differing_names: int,
    maps: Mapping[str, float],
    rows: Mapping[str, Share],
    end_to_end: EndToEndDifference,
    allowed: Tolerances,
) -> list[StageResult]:
    """All checks, in order; those that were not made have no figures.

    Args:
        differing_names: how many class names differ.
        maps: relative RMS errors, by tensor.
        rows: rows that differ, by tensor.
        end_to_end: of both detectors run alone.
        allowed: by the precision of both.
    """
    figures: dict[str, list[Figure]] = {check: [] for check in CHECKS}
    figures[CLASSES].append(Figure("class names that differ", differing_names, 0))
    for stage, tensors in COMPARED.items():
        for tensor in tensors:
            if tensor in maps:
                tolerance = INPUT if stage == "input" else allowed.maps
                figures[stage].append(Figure(f"{tensor}: relative RMS error", maps[tensor], tolerance))
            elif tensor in rows and rows[tensor].of:
                what = f"{tensor}: share off by over {BOX_TOLERANCE:g} px"
                figures[stage].append(Figure(what, rows[tensor].rows / rows[tensor].of, ROWS))
    if end_to_end.detections:
        what = f"unmatched share at scores from {SCORE_THRESHOLD:g}"
        figures[END_TO_END].append(Figure(what, end_to_end.unmatched, allowed.unmatched))
        figures[END_TO_END].append(Figure("mean 1 - IoU of matched detections", end_to_end.iou_loss, allowed.iou_loss))
    return [StageResult(check, tuple(found)) for check, found in figures.items()]
