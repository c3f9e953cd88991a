"""Gates: requirements on the rows of a bench, for a pipeline that must stop where one is not met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gridrt.bench.result import SESSION, BenchResult, GateResult, Row

ROUNDING = 1e-9
"""Tolerance for the rounding of a difference of two binary fractions."""


@dataclass(frozen=True)
class Gates:
    """Requirements; None requires nothing.

    Attributes:
        max_ap_drop: AP below the reference's, in points of 100.
        max_ap90_drop: AP at IoU 0.90 below the reference's, in points of 100.
        min_fps: images per second of the session alone, at the median.
        min_speedup: of the session over the reference's.
    """

    max_ap_drop: float | None = None
    max_ap90_drop: float | None = None
    min_fps: float | None = None
    min_speedup: float | None = None


def check_gates(result: BenchResult, gates: Gates) -> list[GateResult]:
    """Check every row but the reference; the reference itself where it is the only row.

    What was not measured meets no gate, nor does a row that was run at another scale than the reference.
    """
    rows = [row for row in result.rows if row.name != result.reference] or result.rows
    found = [outcome for row in rows for outcome in (*_check_accuracy(row, gates), *_check_speed(row, gates))]
    mismatches = {row.name: result.scale_mismatch(row) for row in rows}
    return [
        replace(gate, met=gate.met and not reason, reason=reason) if (reason := mismatches[gate.row]) else gate
        for gate in found
    ]


def _check_accuracy(row: Row, gates: Gates) -> Iterator[GateResult]:
    for name, figure, most in (("AP", "ap", gates.max_ap_drop), ("AP90", "ap90", gates.max_ap90_drop)):
        if most is not None:
            delta, interval = row.deltas.get(figure), row.intervals.get(figure)
            value = None if delta is None else 100 * delta
            low, high = (0.0, 0.0) if interval is None else (100 * interval[0], 100 * interval[1])
            yield GateResult(
                f"{name} falls by at most {most:g} points",
                row.name,
                most,
                value,
                met=value is not None and -value <= most + ROUNDING,
                interval=None if interval is None else (low, high),
                decidable=interval is None or not low + ROUNDING < -most < high - ROUNDING,
                images=row.accuracy.images if row.accuracy else None,
            )


def _check_speed(row: Row, gates: Gates) -> Iterator[GateResult]:
    fps = row.speed.latency[SESSION].fps if row.speed else None
    speedup = row.speed.speedup[SESSION] if row.speed else None
    for rule, found, least in (
        ("at least {:g} images per second", fps, gates.min_fps),
        ("at least {:g} times as fast", speedup, gates.min_speedup),
    ):
        if least is not None:
            yield GateResult(rule.format(least), row.name, least, found, met=found is not None and found >= least)
