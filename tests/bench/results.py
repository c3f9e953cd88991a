"""Outcomes of a bench, made up for a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gridrt.bench.latency import latency_of, speedup
from gridrt.bench.result import DETECTOR, FIGURES, SESSION, Accuracy, BenchResult, Row, Speed

REFERENCE_SECONDS = (0.02, 0.03, 0.04)
CONDITIONS: Mapping[str, Any] = {
    "images": 3,
    "images_done": 3,
    "batch": 1,
    "warm_up": 3,
    "threads": 2,
    "cpu": "Some CPU",
    "gpus": [],
    "versions": {"gridrt": "1.0"},
}


def accuracy_with(ap: float, ap90: float) -> Accuracy:
    overall: dict[str, float | None] = dict.fromkeys(FIGURES, ap)
    overall |= {"ap90": ap90, "large": None}
    return Accuracy(3, {"objects": 5, **overall}, {}, {"0.50": ap}, {"0.50": [ap] * 101})


def row_of(name: str, *, ap: float = 0.5, ap90: float = 0.2, seconds: Sequence[float] = REFERENCE_SECONDS) -> Row:
    """An artefact, beside a reference of AP 0.5, AP90 0.2 and `REFERENCE_SECONDS`."""
    accuracy, against = accuracy_with(ap, ap90), accuracy_with(0.5, 0.2)
    pairs = {key: (accuracy.overall[key], against.overall[key]) for key in FIGURES}
    return Row(
        name,
        format="ONNX",
        precision="fp32",
        bytes=2_500_000,
        accuracy=accuracy,
        deltas={key: None if a is None or b is None else a - b for key, (a, b) in pairs.items()},
        speed=Speed(
            {part: list(seconds) for part in (SESSION, DETECTOR)},
            {part: latency_of(seconds) for part in (SESSION, DETECTOR)},
            {part: speedup(REFERENCE_SECONDS, seconds) for part in (SESSION, DETECTOR)},
        ),
        memory=300_000_000,
    )


def result_of(*rows: Row) -> BenchResult:
    """The first is the reference."""
    return BenchResult(complete=True, conditions=CONDITIONS, reference=rows[0].artefact, rows=rows)
