"""What a comparison found: each stage beside its tolerance, and the first that exceeds it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gridrt.compare.differences import Share
from gridrt.compare.tolerances import INPUT, ROWS, Tolerances
from gridrt.compare.whole import SCORE_THRESHOLD, WholeDifference
from gridrt.export.verify import BOX_TOLERANCE

STAGES = (
    "classes",
    "input",
    *(f"P{level}" for level in range(2, 7)),
    "objectness",
    "deltas",
    "proposals",
    "class scores",
    "detections before the grid",
    "heatmaps",
    "final boxes",
    "whole detector",
)
"""In the order in which they run; the last is of both run alone."""


@dataclass(frozen=True)
class Figure:
    """A difference and what it may be.

    Attributes:
        what: was measured.
        value: of the difference; infinite where shapes differ.
        tolerance: it may be at most.
    """

    what: str
    value: float
    tolerance: float

    @property
    def exceeds(self) -> bool:
        """Whether it is too large, or no number at all."""
        return not self.value <= self.tolerance

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON, which knows no infinity: None."""
        value = self.value if math.isfinite(self.value) else None
        return {"what": self.what, "value": value, "at_most": self.tolerance, "exceeds": self.exceeds}


@dataclass(frozen=True)
class StageResult:
    """A stage of both detectors.

    Attributes:
        stage: one of `STAGES`.
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


def first_exceeding(results: Sequence[StageResult]) -> StageResult | None:
    """The stage that is to blame."""
    return next((result for result in results if result.exceeds), None)


def judged(
    names_off: int,
    maps: Mapping[str, float],
    rows: Mapping[str, Share],
    whole: WholeDifference,
    allowed: Tolerances,
) -> list[StageResult]:
    """All stages, in order, those that were not compared without figures.

    Args:
        names_off: how many class names differ.
        maps: relative errors of the stages that give maps.
        rows: the rows that are off, of the stages that select.
        whole: of both detectors run alone.
        allowed: by the precision of both.
    """
    figures = {
        "classes": _classes(names_off),
        "whole detector": _whole(whole, allowed) if whole.detections else (),
        **{stage: _map(stage, error, allowed) for stage, error in maps.items()},
        **{stage: _rows(share) for stage, share in rows.items() if share.of},
    }
    return [StageResult(stage, figures.get(stage, ())) for stage in STAGES]


def _classes(names_off: int) -> tuple[Figure, ...]:
    return (Figure("names that differ", names_off, 0),)


def _map(stage: str, error: float, allowed: Tolerances) -> tuple[Figure, ...]:
    return (Figure("RMS of the difference, of its size", error, INPUT if stage == "input" else allowed.maps),)


def _rows(share: Share) -> tuple[Figure, ...]:
    return (Figure(f"share off by more than {BOX_TOLERANCE:g} px", share.rows / share.of, ROWS),)


def _whole(whole: WholeDifference, allowed: Tolerances) -> tuple[Figure, ...]:
    return (
        Figure(f"share from {SCORE_THRESHOLD:g} on without a partner", whole.unpaired, allowed.unpaired),
        Figure("mean of 1 - IoU of pairs", whole.overlap_loss, allowed.overlap_loss),
    )
