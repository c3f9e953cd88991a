"""Gates: requirements on the rows of a bench, for a pipeline that must stop where one is not met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

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

    What was not measured meets no gate.
    """
    rows = [row for row in result.rows if row.name != result.reference] or result.rows
    return [outcome for row in rows for outcome in _check_row(row, gates)]


def _check_row(row: Row, gates: Gates) -> Iterator[GateResult]:
    for name, figure, most in (("AP", "ap", gates.max_ap_drop), ("AP90", "ap90", gates.max_ap90_drop)):
        if most is not None:
            rule, delta = f"{name} falls by at most {most:g} points", row.deltas.get(figure)
            # Adding 0.0 takes the sign off what rounds to zero.
            value = "not measured" if delta is None else f"{round(100 * delta, 2) + 0.0:+.2f}"
            yield GateResult(rule, row.name, value, met=delta is not None and -100 * delta <= most + ROUNDING)
    fps = row.speed.latency[SESSION].fps if row.speed else None
    speedup = row.speed.speedup[SESSION] if row.speed else None
    for rule, found, least in (
        ("at least {:g} images per second", fps, gates.min_fps),
        ("at least {:g} times as fast", speedup, gates.min_speedup),
    ):
        if least is not None:
            value = "not measured" if found is None else f"{found:.2f}"
            yield GateResult(rule.format(least), row.name, value, met=found is not None and found >= least)
