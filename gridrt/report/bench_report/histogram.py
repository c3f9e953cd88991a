"""The distribution of latencies: a histogram for each model, all above one axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from gridrt.bench.result import DETECTOR, SESSION
from gridrt.report.bench_report.axis import Axis, log_axis
from gridrt.report.bench_report.figures import milliseconds
from gridrt.report.bench_report.look import Look, shortened
from gridrt.report.bench_report.markup import element, joined
from gridrt.report.bench_report.plot import WIDTH, across, figure, svg, text

START, END = 6, 414
BAND, BARS, NAME = 74, 40, 18  # pixels of a model, of its highest bar, and of its name above
BINS = 60
LETTERS = 27
TITLES = {SESSION: "Session", DETECTOR: "Whole detector"}


def histograms(looks: Sequence[Look]) -> Markup:
    """Histograms of the session and of the whole detector, where they were timed."""
    charts = [element("div", element("h3", TITLES[part]), chart) for part in TITLES if (chart := _chart(looks, part))]
    if not charts:
        return Markup()
    caption = (
        "Each bar counts images; the highest of a model fills its band. The solid line is the median (p50), "
        "the dashed one p95. Equal distances are equal ratios."
    )
    return figure(caption, element("div", *charts, class_="charts"))


def _chart(looks: Sequence[Look], part: str) -> Markup:
    timed = [look for look in looks if len(_milliseconds(look, part))]
    if not timed:
        return Markup()
    every = np.concatenate([_milliseconds(look, part) for look in timed])
    axis = log_axis(float(every.min()), float(every.max()), START, END)
    bottom = BAND * len(timed) + 4
    bands = (_band(look, part, axis, index * BAND) for index, look in enumerate(timed))
    unit = text((START + END) / 2, bottom + 34, "ms an image", "axis middle")
    label = f"Histograms of the latency of the {TITLES[part].lower()}"
    return svg(WIDTH, bottom + 40, label, across(axis, 4, bottom), *bands, unit)


def _band(look: Look, part: str, axis: Axis, top: float) -> Markup:
    values = _milliseconds(look, part)
    p50, p95 = (float(value) for value in np.percentile(values, (50, 95)))
    foot = top + NAME + BARS + 8
    percentiles = f"p50 {milliseconds(p50 / 1000)}   p95 {milliseconds(p95 / 1000)}"
    lines = (
        element("line", x1=axis.at(value), x2=axis.at(value), y1=foot - BARS - 4, y2=foot, class_=kind)
        for value, kind in ((p50, "mark"), (p95, "mark dashed"))
    )
    head = joined(
        text(START, top + NAME - 2, shortened(look.name, LETTERS), "name start"),
        text(END, top + NAME - 2, percentiles, "tick end"),
    )
    edges = np.geomspace(axis.low, axis.high, BINS + 1)
    counts, _ = np.histogram(values, edges)
    steps = (
        f"L{axis.at(left):.1f} {foot - height:.1f}L{axis.at(right):.1f} {foot - height:.1f}"
        for left, right, height in zip(edges, edges[1:], counts / counts.max() * BARS, strict=False)
    )
    # One outline for all bars, from left to right.
    bars = element("path", d=f"M{START} {foot:g}{''.join(steps)}L{END} {foot:g}Z", class_="area")
    return look.group(bars, *lines, head)


def _milliseconds(look: Look, part: str) -> npt.NDArray[np.float64]:
    seconds = look.row.speed.seconds.get(part, ()) if look.row.speed else ()
    every = 1000 * np.array(seconds, np.float64)
    return every[every > 0]
