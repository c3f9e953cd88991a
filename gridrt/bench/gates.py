"""Demands on artefacts, for a pipeline that shall stop where one is not met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gridrt.bench.result import SESSION, BenchResult, Gate, Row

ROUNDING = 1e-9
"""What a difference of two figures in binary may add to itself."""


@dataclass(frozen=True)
class Limits:
    """What is demanded; None demands nothing.

    Attributes:
        max_ap_drop: AP below the reference's, in points of 100.
        max_ap90_drop: AP at IoU 0.90, likewise.
        min_fps: images per second of the session alone, at the median.
        min_speedup: how often faster than the reference the session is.
    """

    max_ap_drop: float | None = None
    max_ap90_drop: float | None = None
    min_fps: float | None = None
    min_speedup: float | None = None


def gates_of(result: BenchResult, limits: Limits) -> list[Gate]:
    """Hold every artefact but the reference against the limits; the reference where it is alone.

    What could not be measured does not meet a limit.
    """
    rows = [row for row in result.rows if row.artefact != result.reference] or result.rows
    return [gate for row in rows for gate in _gates_of(row, limits)]


def _gates_of(row: Row, limits: Limits) -> Iterator[Gate]:
    for name, figure, most in (("AP", "ap", limits.max_ap_drop), ("AP90", "ap90", limits.max_ap90_drop)):
        if most is not None:
            rule = f"{name} falls by at most {most:g} points"
            yield _drop_gate(row, rule, row.deltas.get(figure), most)
    if limits.min_fps is not None:
        found = row.speed.latency[SESSION].fps if row.speed else None
        yield _least_gate(row, f"at least {limits.min_fps:g} images per second", found, limits.min_fps)
    if limits.min_speedup is not None:
        found = row.speed.speedup[SESSION] if row.speed else None
        yield _least_gate(row, f"at least {limits.min_speedup:g} times as fast", found, limits.min_speedup)


def _drop_gate(row: Row, rule: str, delta: float | None, most: float) -> Gate:
    if delta is None:
        return Gate(rule, row.artefact, "not measured", met=False)
    told = round(100 * delta, 2) + 0.0  # what rounds to nothing has no sign of its own
    return Gate(rule, row.artefact, f"{told:+.2f}", met=-100 * delta <= most + ROUNDING)


def _least_gate(row: Row, rule: str, found: float | None, least: float) -> Gate:
    if found is None:
        return Gate(rule, row.artefact, "not measured", met=False)
    return Gate(rule, row.artefact, f"{found:.2f}", met=found >= least)
