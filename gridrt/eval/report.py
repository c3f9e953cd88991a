"""What an evaluation found, with the conditions that it holds under."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gridrt.eval.metrics import Metrics
from gridrt.eval.results import Result


@dataclass(frozen=True)
class EvaluationReport:
    """Average precision of a detector on a data set.

    Attributes:
        metrics: average precision, overall and per class, in 0..1.
        results: all detections, in COCO's format of results.
        false_positives: how many detections from the score that `gridrt detect` shows on match no object; what is left
            to tell where the annotations have none.
        conditions: model, annotations, their SHA-256, scale and its origin, versions, processes and seconds; ready for
            JSON.
    """

    metrics: Metrics
    results: Sequence[Result] = field(repr=False)  # thousands
    false_positives: int
    conditions: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Conditions and metrics, ready for JSON."""
        return {**self.conditions, **self.metrics.to_json()}
