"""The frame of a chart: SVG as wide as a phone, which grows with the page."""

from __future__ import annotations

from markupsafe import Markup

from gridrt.report.bench_report.axis import Axis
from gridrt.report.bench_report.markup import element, joined

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 404, 12, 256


def svg(width: float, height: float, label: str, *content: str) -> Markup:
    """A drawing that a screen reader announces as an image, called `label`."""
    box = f"0 0 {width:g} {height:g}"
    return element("svg", *content, viewBox=box, role="img", aria_label=label, class_="chart")


def plot(x: Axis, y: Axis, x_label: str, y_label: str, label: str, marks: Markup) -> Markup:
    """Marks within a frame of `LEFT`, `RIGHT`, `TOP` and `BOTTOM`, with ticks and labelled axes."""
    names = joined(
        text((LEFT + RIGHT) / 2, HEIGHT - 6, x_label, "axis middle"),
        element("text", y_label, transform=f"translate(12 {(TOP + BOTTOM) / 2:g}) rotate(-90)", class_="axis middle"),
    )
    lines = (element("line", x1=LEFT, x2=RIGHT, y1=y.at(tick), y2=y.at(tick), class_="grid") for tick in y.ticks)
    values = (text(LEFT - 6, y.at(tick) + 4, _tick_text(tick), "tick end") for tick in y.ticks)
    return svg(WIDTH, HEIGHT, label, across(x, TOP, BOTTOM), *lines, *values, names, marks)


def across(x: Axis, top: float, bottom: float) -> Markup:
    """Grid lines of a horizontal axis, with their values below."""
    lines = (element("line", x1=x.at(tick), x2=x.at(tick), y1=top, y2=bottom, class_="grid") for tick in x.ticks)
    values = (text(x.at(tick), bottom + 16, _tick_text(tick), "tick middle") for tick in x.ticks)
    return joined(*lines, *values)


def text(x: float, y: float, words: str, kind: str) -> Markup:
    """Words at a place; `kind` is a class of the style sheet, which aligns them."""
    return element("text", words, x=x, y=y, class_=kind)


def _tick_text(tick: float) -> str:
    return f"{tick:g}".replace("-", "\N{MINUS SIGN}")


def figure(caption: str, *content: str, kind: str = "") -> Markup:
    """A chart, or several, with what to see in them."""
    return element("figure", *content, element("figcaption", caption), class_=f"card {kind}".strip())
