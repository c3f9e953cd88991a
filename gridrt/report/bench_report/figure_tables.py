"""The tables of rows: how accurate, how fast, and what ran them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup

from gridrt.bench.result import DETECTOR, FIGURES, SESSION, Row
from gridrt.bench.timing import Latency
from gridrt.report.bench_report.figures import UNKNOWN, change, is_loss, milliseconds, rate, ratio, size
from gridrt.report.bench_report.look import Look, file_name
from gridrt.report.bench_report.markup import element, joined
from gridrt.report.bench_report.tables import Column, Line, table
from gridrt.report.metrics import points

NAMES = dict(zip(FIGURES, ("AP", "AP50", "AP75", "AP80", "AP90", "small", "medium", "large"), strict=True))
IDENTITY = (
    Column("Model"),
    Column("Format", key="format"),
    Column("Precision", key="precision"),
)
ACCURACY = tuple(
    Column(name, "Average precision, points; below it, minus the reference's, with its 95 % interval", key)
    for key, name in NAMES.items()
)
LATENCY: dict[str, Callable[[Latency], str]] = {
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


def accuracy_table(looks: Sequence[Look]) -> Markup:
    """How accurate each model is, and why those that failed have no figures."""
    columns = [*IDENTITY, Column("Size", key="bytes"), Column("Images", key="images"), *ACCURACY]
    lines = []
    for look in looks:
        row = look.row
        images = str(row.accuracy.images) if row.accuracy else UNKNOWN
        figures = (_figure(look, key) for key in FIGURES)
        lines.append(Line([*_identity(look), size(row.bytes), images, *figures], _notes(row), look.index))
    return table("How accurate: average precision", columns, lines)


def speed_table(looks: Sequence[Look]) -> Markup:
    """How fast each model is, and how much memory it takes."""
    lines = []
    for look in looks:
        session = _timed(look.row, SESSION, ("mean", "p50", "p95", "p99", "fps"))
        detector = _timed(look.row, DETECTOR, ("p50", "fps"))
        memory = (size(look.row.memory), size(look.row.gpu_memory))
        lines.append(Line([*_identity(look), *session, *detector, *memory], _notes(look.row), look.index))
    return table("How fast: latency, speedup and memory", [*IDENTITY, *SPEED], lines)


def provenance_table(looks: Sequence[Look]) -> Markup:
    """What ran each model, and the hashes of its file and its weights."""
    columns = [Column("Model"), Column("Run by"), Column("SHA-256 of the file"), Column("SHA-256 of its weights")]
    lines = []
    for row in (look.row for look in looks):
        hashes = (element("code", digest or UNKNOWN) for digest in (row.sha256, row.weights_sha256))
        lines.append(Line([file_name(row.name), row.run_by or UNKNOWN, *hashes]))
    return table("Files and what ran them", columns, lines, kind="words")


def _identity(look: Look) -> list[str]:
    role = element("small", "reference") if look.is_reference else ""
    name = joined(look.swatch(), file_name(look.name), role)
    return [name, look.row.format or UNKNOWN, look.row.precision_and_recipe or UNKNOWN]


def _notes(row: Row) -> list[Markup]:
    failure = [joined(element("strong", "Failed: "), row.failure)] if row.failure else []
    return [*failure, *(joined(element("strong", "Note: "), warning) for warning in row.warnings)]


def _figure(look: Look, key: str) -> Markup:
    """A figure of accuracy, with its change and the interval of that below."""
    row = look.row
    figure = element("span", points(row.accuracy.overall[key] if row.accuracy else None), class_="figure")
    delta = None if look.is_reference else row.deltas.get(key)
    if delta is None:
        return figure
    interval = (
        [f"{change(low)} to {change(high)}" for low, high in [row.intervals[key]]] if key in row.intervals else []
    )
    return joined(figure, change_below(delta), *(element("small", text, class_="interval") for text in interval))


def change_below(delta: float) -> Markup:
    """A change of AP, as it stands below the figure."""
    return element("small", change(delta), class_="delta loss" if is_loss(delta) else "delta")


def _timed(row: Row, part: str, wanted: Sequence[str]) -> list[str]:
    if row.speed is None:
        return [UNKNOWN] * (len(wanted) + 1)
    return [*(LATENCY[name](row.speed.latency[part]) for name in wanted), ratio(row.speed.speedup[part])]
