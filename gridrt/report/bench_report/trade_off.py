"""AP against latency: the accuracy of each model for its time."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from gridrt.bench.result import SESSION
from gridrt.report.bench_report.axis import linear_axis
from gridrt.report.bench_report.figures import three_digits
from gridrt.report.bench_report.labels import labels
from gridrt.report.bench_report.look import Look, legend, on_top
from gridrt.report.bench_report.markup import joined
from gridrt.report.bench_report.plot import BOTTOM, LEFT, RIGHT, TOP, figure, plot

LEAST_SPAN = 2.0  # points of AP that the axis spans at least


def trade_off(looks: Sequence[Look]) -> Markup:
    """AP against latency: a marker with its name for each row that has both."""
    both = [
        (look, 1000 * speed.latency[SESSION].p50, 100 * ap)
        for look in looks
        if (speed := look.row.speed) and (accuracy := look.row.accuracy) and (ap := accuracy.overall["ap"]) is not None
    ]
    if not both:
        return Markup()
    shown, latencies, aps = [look for look, _, _ in both], [each for _, each, _ in both], [each for _, _, each in both]
    x = linear_axis(0, max(latencies), LEFT, RIGHT)
    y = linear_axis(min(aps), max(aps), BOTTOM, TOP, least=LEAST_SPAN)
    places = [(x.at(latency), y.at(ap)) for _, latency, ap in both]
    titles = [f"{look.name}: AP {ap:.1f}, {three_digits(latency)} ms" for look, latency, ap in both]
    marks = [look.group(look.marker(*place, title)) for look, place, title in zip(shown, places, titles, strict=True)]
    names, numbered = labels(shown, places)
    drawing = plot(
        x, y, "session latency p50, ms", "AP, points", "AP against latency", joined(on_top(shown, marks), names)
    )
    caption = "Up is better, left is faster. The scale of AP does not start at zero."
    return figure(caption, drawing, legend(shown, numbered=numbered), kind="beside")
