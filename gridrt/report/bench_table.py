"""A bench as tables for people: accuracy in points of 100, times in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gridrt.bench.result import DETECTOR, FIGURES, SESSION, BenchResult, Row
from gridrt.formatting import format_count

HEADS = ("AP", "AP50", "AP75", "AP80", "AP90", "small", "medium", "large")
CELL = 9


def bench_lines(result: BenchResult) -> Iterator[str]:
    """All tables, with what has to be known about them."""
    measured = [row for row in result.rows if row.speed is not None]
    width = max(len(row.artefact) for row in result.rows)
    yield from _accuracy_lines(measured, width)
    yield ""
    yield from _speed_lines(measured, width)
    if any(row.stages for row in measured):
        yield ""
        yield from _stage_lines([row for row in measured if row.stages], width)
    yield ""
    yield from _notes(result)


def _accuracy_lines(rows: Sequence[Row], width: int) -> Iterator[str]:
    yield f"{'':<{width}} {'precision':>9} {'MB':>7}" + "".join(f"{head:>{CELL}}" for head in HEADS)
    for number, row in enumerate(rows):
        overall = row.accuracy.overall if row.accuracy else {}
        yield f"{row.artefact:<{width}} {row.precision:>9} {(row.bytes or 0) / 1e6:>7.1f}" + _cells(overall, "{:.2f}")
        if number > 0 and row.deltas:
            yield f"{'':<{width}} {'':>9} {'':>7}" + _cells(row.deltas, "{:+.2f}")


def _cells(figures: Mapping[str, float | None], form: str) -> str:
    found = (figures.get(name) for name in FIGURES)
    cells = ("-" if figure is None else form.format(hundredths(figure)) for figure in found)
    return "".join(f"{cell:>{CELL}}" for cell in cells)


def hundredths(figure: float) -> float:
    """In points of 100 with two decimals; what rounds to nothing has no sign of its own."""
    return round(100 * figure, 2) + 0.0


def _speed_lines(rows: Sequence[Row], width: int) -> Iterator[str]:
    session, detector = "session alone, ms", "whole detector, ms"
    yield f"{'':<{width}} {session:^47} {detector:^23}"
    heads = ("mean", "p50", "p95", "p99", "fps", "speedup", "p50", "fps", "speedup", "MB held")
    yield f"{'':<{width}}" + "".join(f"{head:>8}" for head in heads)
    for row in rows:
        yield f"{row.artefact:<{width}}" + "".join(f"{cell:>8}" for cell in _speed_cells(row))


def _speed_cells(row: Row) -> Iterator[str]:
    if row.speed is None:
        return
    session, detector = (row.speed.latency[part] for part in (SESSION, DETECTOR))
    yield from (f"{1000 * seconds:.1f}" for seconds in (session.mean, session.p50, session.p95, session.p99))
    yield from (f"{session.fps:.1f}", _times(row.speed.speedup[SESSION]))
    yield from (f"{1000 * detector.p50:.1f}", f"{detector.fps:.1f}", _times(row.speed.speedup[DETECTOR]))
    yield "-" if row.memory is None else f"{row.memory / 1e6:.0f}"


def _times(speedup: float | None) -> str:
    return "-" if speedup is None else f"{speedup:.2f}x"


def _stage_lines(rows: Sequence[Row], width: int) -> Iterator[str]:
    names = [stage.name for stage in rows[0].stages]
    yield f"{'ms of one image':<{width}}" + "".join(f"{name:>11}" for name in names)
    for row in rows:
        yield f"{row.artefact:<{width}}" + "".join(f"{1000 * stage.seconds:>11.1f}" for stage in row.stages)


def _notes(result: BenchResult) -> Iterator[str]:
    for row in result.rows:
        if row.failure:
            yield f"{row.artefact}: NOT MEASURED: {row.failure}"
        yield from (f"{row.artefact}: WARNING: {warning}" for warning in row.warnings)
    for gate in result.gates:
        yield f"{gate.artefact}: {gate.rule}: {gate.value}, {'met' if gate.met else 'NOT MET'}"
    yield _told_conditions(result.conditions, result.reference)


def _told_conditions(conditions: Mapping[str, Any], reference: str) -> str:
    gpus = [gpu["name"] for gpu in conditions["gpus"]]
    versions = ", ".join(f"{name} {version}" for name, version in conditions["versions"].items())
    threads = (
        format_count(conditions["threads"], "thread") if conditions["threads"] else "the runtime's choice of threads"
    )
    return (
        f"reference {reference}; {conditions['images_done']} of {conditions['images']} images, each artefact in turn, "
        f"batch {conditions['batch']}, after {conditions['warm_up']} to warm up; {threads} of "
        f"{', '.join([conditions['cpu'], *gpus])}; {versions}"
    )
