"""The tables of artefacts: how good, and how fast."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from gridrt.bench.latency import Latency
from gridrt.bench.result import DETECTOR, FIGURES, SESSION, BenchResult, Row
from gridrt.report.bench_report.figures import UNKNOWN, change, is_loss, milliseconds, rate, ratio, size
from gridrt.report.bench_report.look import Look, file_name, looks_of
from gridrt.report.bench_report.markup import Html, element, joined
from gridrt.report.bench_report.tables import Column, Line, table
from gridrt.report.metrics import points

NAMES = dict(zip(FIGURES, ("AP", "AP50", "AP75", "AP80", "AP90", "small", "medium", "large"), strict=True))
IDENTITY = (
    Column("Artefact"),
    Column("Format", key="format"),
    Column("Precision", key="precision"),
)
ACCURACY = tuple(
    Column(name, "Average precision, points; below it, less the reference's", key) for key, name in NAMES.items()
)
Told = Callable[[Latency], str]
LATENCY: dict[str, Told] = {
    "mean": lambda latency: milliseconds(latency.mean),
    "p50": lambda latency: milliseconds(latency.p50),
    "p95": lambda latency: milliseconds(latency.p95),
    "p99": lambda latency: milliseconds(latency.p99),
    "fps": lambda latency: rate(latency.fps),
}
SPEED = (
    *(Column(name, "Session, ms an image", f"session.{name}") for name in ("mean", "p50", "p95", "p99")),
    Column("fps", "Session", "session.fps"),
    Column("speedup", "Session", "session.speedup"),
    Column("p50, ms", "Whole detector", "detector.p50"),
    Column("fps", "Whole detector", "detector.fps"),
    Column("speedup", "Whole detector", "detector.speedup"),
    Column("main", "Memory", "memory"),
    Column("GPU", "Memory", "gpu_memory"),
)


def accuracy_table(result: BenchResult) -> Html:
    """How good each artefact is, and what has become of those that failed."""
    columns = [*IDENTITY, Column("Size", key="bytes"), Column("Images", key="images"), *ACCURACY]
    lines = [Line([_name(look), *_accuracy_cells(look)], _notes(look.row), look.index) for look in looks_of(result)]
    return table("How good: average precision", columns, lines)


def speed_table(result: BenchResult) -> Html:
    """How fast each artefact is, and what it takes."""
    columns = [*IDENTITY, *SPEED]
    lines = [Line([_name(look), *_speed_cells(look.row)], _notes(look.row), look.index) for look in looks_of(result)]
    return table("How fast: latency, speedup and memory", columns, lines)


def _name(look: Look) -> Html:
    role = element("small", "reference") if look.is_reference else ""
    return joined(look.swatch(), file_name(look.name), role)


def _notes(row: Row) -> list[Html]:
    failure = [joined(element("strong", "Failed: "), row.failure)] if row.failure else []
    return [*failure, *(joined(element("strong", "Note: "), warning) for warning in row.warnings)]


def _identity_cells(row: Row) -> Iterator[str]:
    yield row.format or UNKNOWN
    yield row.precision or UNKNOWN


def _accuracy_cells(look: Look) -> Iterator[str]:
    row = look.row
    yield from _identity_cells(row)
    yield size(row.bytes)
    yield str(row.accuracy.images) if row.accuracy else UNKNOWN
    for key in FIGURES:
        figure = element("span", points(row.accuracy.overall[key] if row.accuracy else None), class_="figure")
        yield joined(figure, "" if look.is_reference else _change(row.deltas.get(key)))


def _change(delta: float | None) -> Html:
    kind = "delta loss" if is_loss(delta) else "delta"
    return Html() if delta is None else element("small", change(delta), class_=kind)


def _speed_cells(row: Row) -> Iterator[str]:
    yield from _identity_cells(row)
    yield from _timed(row, SESSION, ("mean", "p50", "p95", "p99", "fps"))
    yield from _timed(row, DETECTOR, ("p50", "fps"))
    yield size(row.memory)
    yield size(row.gpu_memory)


def _timed(row: Row, part: str, wanted: Sequence[str]) -> list[str]:
    if row.speed is None:
        return [UNKNOWN] * (len(wanted) + 1)
    return [*(LATENCY[name](row.speed.latency[part]) for name in wanted), ratio(row.speed.speedup[part])]
