"""AP against latency: what each artefact gives for what it takes."""

from __future__ import annotations

from collections.abc import Sequence

from gridrt.bench.result import SESSION
from gridrt.report.bench_report.axis import linear_axis
from gridrt.report.bench_report.figures import milliseconds
from gridrt.report.bench_report.labels import labels
from gridrt.report.bench_report.look import Look, legend, on_top
from gridrt.report.bench_report.markup import Html, joined
from gridrt.report.bench_report.plot import BOTTOM, LEFT, RIGHT, TOP, figure, plot
from gridrt.report.metrics import points

LEAST_SPAN = 2.0  # points of AP that the axis spans at least


def trade_off(looks: Sequence[Look]) -> Html:
    """AP against latency: a marker for each artefact that has both."""
    both = [(look, *place) for look in looks if (place := _latency_and_ap(look)) is not None]
    if not both:
        return Html()
    x = linear_axis(0, max(latency for _, latency, _ in both), LEFT, RIGHT)
    aps = [ap for _, _, ap in both]
    y = linear_axis(min(aps), max(aps), BOTTOM, TOP, least=LEAST_SPAN)
    shown = [look for look, _, _ in both]
    places = [(x.at(latency), y.at(ap)) for _, latency, ap in both]
    marks = [look.group(look.marker(*place, _told(look))) for look, place in zip(shown, places, strict=True)]
    drawing = plot(
        x,
        y,
        "session latency p50, ms",
        "AP, points",
        "AP against latency",
        joined(on_top(shown, marks), labels(shown, places)),
    )
    return figure(
        "Up is better, left is faster. The scale of AP does not start at zero.", drawing, legend(shown), kind="beside"
    )


def _latency_and_ap(look: Look) -> tuple[float, float] | None:
    accuracy, speed = look.row.accuracy, look.row.speed
    if accuracy is None or speed is None or accuracy.overall["ap"] is None:
        return None
    return 1000 * speed.latency[SESSION].p50, 100 * accuracy.overall["ap"]


def _told(look: Look) -> str:
    accuracy, speed = look.row.accuracy, look.row.speed
    ap = points(accuracy.overall["ap"] if accuracy else None)
    return f"{look.name}: AP {ap}, {milliseconds(speed.latency[SESSION].p50 if speed else None)} ms"
