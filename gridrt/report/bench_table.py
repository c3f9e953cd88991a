"""The result of a bench as tables for the terminal: accuracy in points of 100, times in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gridrt.bench.result import DETECTOR, FIGURES, SESSION, BenchResult, Row, precision_advice
from gridrt.formatting import format_count

HEADS = ("AP", "AP50", "AP75", "AP80", "AP90", "small", "medium", "large")
CELL = 9


def bench_lines(result: BenchResult) -> Iterator[str]:
    """All tables, then failures, warnings, gates and conditions."""
    measured = [row for row in result.rows if row.speed is not None]
    width = max(len(row.name) for row in result.rows)
    yield from _accuracy_lines(measured, width)
    yield ""
    yield from _speed_lines(measured, width)
    if batched := [row for row in measured if row.throughput]:
        yield ""
        yield from _throughput_lines(batched, width)
    if staged := [row for row in measured if row.stages]:
        yield ""
        cell = 2 + max(len(stage.name) for row in staged for stage in row.stages)
        yield f"{'ms of one image':<{width}}" + "".join(f"{stage.name:>{cell}}" for stage in staged[0].stages)
        for row in staged:
            yield f"{row.name:<{width}}" + "".join(f"{1000 * stage.seconds:>{cell}.1f}" for stage in row.stages)
    yield ""
    for row in result.rows:
        if row.failure:
            yield f"{row.name}: NOT MEASURED: {row.failure}"
        yield from (f"{row.name}: WARNING: {warning}" for warning in row.warnings)
    for gate in result.gates:
        yield f"{gate.row}: {gate.rule}: {gate.measured}, {gate.outcome.replace('not met', 'NOT MET')}"
    if result.failed:
        yield f"{len(result.failed)} of {format_count(result.conditions['images'], 'image')} failed and do not count"
    yield from precision_advice(measured)
    yield _conditions(result)
    if measured and all(row.accuracy is None for row in measured):
        yield "no AP: the synthetic images show other classes. Give annotated images."


def _accuracy_lines(rows: Sequence[Row], width: int) -> Iterator[str]:
    precision = max([len("precision"), *(len(row.precision_and_recipe) for row in rows)])
    yield f"{'':<{width}} {'precision':>{precision}} {'MB':>7}" + "".join(f"{head:>{CELL}}" for head in HEADS)
    for number, row in enumerate(rows):
        overall = row.accuracy.overall if row.accuracy else {}
        head = f"{row.name:<{width}} {row.precision_and_recipe:>{precision}} {(row.bytes or 0) / 1e6:>7.1f}"
        yield head + _cells(overall, "{:.2f}")
        if number > 0 and row.deltas:
            yield " " * len(head) + _cells(row.deltas, "{:+.2f}")
        if number > 0 and row.intervals:
            for end, word in enumerate(("95 % from", "to")):
                ends = {name: interval[end] for name, interval in row.intervals.items()}
                yield f"{word:>{len(head)}}" + _cells(ends, "{:+.2f}")


def _cells(figures: Mapping[str, float | None], form: str) -> str:
    found = (figures.get(name) for name in FIGURES)
    cells = ("-" if figure is None else form.format(hundredths(figure)) for figure in found)
    return "".join(f"{cell:>{CELL}}" for cell in cells)


def hundredths(figure: float) -> float:
    """In points of 100 with two decimals; what rounds to zero has no sign."""
    return round(100 * figure, 2) + 0.0


def _speed_lines(rows: Sequence[Row], width: int) -> Iterator[str]:
    session, detector = "session alone, ms", "whole detector, ms"
    yield f"{'':<{width}} {session:^47} {detector:^23}"
    heads = ("mean", "p50", "p95", "p99", "fps", "speedup", "p50", "fps", "speedup", "MB held")
    yield f"{'':<{width}}" + "".join(f"{head:>8}" for head in heads)
    for row in rows:
        yield f"{row.name:<{width}}" + "".join(f"{cell:>8}" for cell in _speed_cells(row))


def _speed_cells(row: Row) -> Iterator[str]:
    if row.speed is None:
        return
    session, detector = (row.speed.latency[part] for part in (SESSION, DETECTOR))
    speedup = {part: "-" if value is None else f"{value:.2f}x" for part, value in row.speed.speedup.items()}
    yield from (f"{1000 * seconds:.1f}" for seconds in (session.mean, session.p50, session.p95, session.p99))
    yield from (f"{session.fps:.1f}", speedup[SESSION])
    yield from (f"{1000 * detector.p50:.1f}", f"{detector.fps:.1f}", speedup[DETECTOR])
    yield "-" if row.memory is None else f"{row.memory / 1e6:.0f}"


def _throughput_lines(rows: Sequence[Row], width: int) -> Iterator[str]:
    sizes, title = sorted({size for row in rows for size in row.throughput}), "images per second, by batch"
    width = max(width, len(title))
    yield f"{title:<{width}}" + "".join(f"{size:>8}" for size in sizes)
    for row in rows:
        cells = (f"{row.throughput[size]:.1f}" if size in row.throughput else "-" for size in sizes)
        yield f"{row.name:<{width}}" + "".join(f"{cell:>8}" for cell in cells)


def _conditions(result: BenchResult) -> str:
    """The most important conditions in one line."""
    stated = result.conditions
    gpus = [gpu["name"] for gpu in stated["gpus"]]
    versions = ", ".join(f"{name} {version}" for name, version in stated["versions"].items())
    threads = format_count(stated["threads"], "thread") if stated["threads"] else "default threads"
    return (
        f"reference {result.reference}; {stated['images_done']} of {stated['images']} images, interleaved runs, "
        f"batch {stated['batch']}, {stated['warm_up']} warm-up runs; {threads} on "
        f"{', '.join([stated['cpu'], *gpus])}; {versions}"
    )


def success_line(result: BenchResult, written: Sequence[Path], seconds: float) -> str:
    """How many rows were measured on how many images, where the figures are, and how long it took."""
    measured = sum(row.speed is not None for row in result.rows)
    of_all = "" if measured == len(result.rows) else f"{measured} of "
    state = "measured" if result.complete else "interrupted, measured"
    images = f"{result.conditions['images_done']} of {format_count(result.conditions['images'], 'image')}"
    places = f", in {', '.join(map(str, written))}" if written else ""
    return f"{of_all}{format_count(len(result.rows), 'model')} {state} on {images}{places}, {seconds:.1f} s."
