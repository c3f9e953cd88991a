"""Where the time of a session goes, stage by stage, against the roofline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from markupsafe import Markup

from gridrt.bench.result import StageRow
from gridrt.report.bench_report.axis import Axis, linear_axis
from gridrt.report.bench_report.figures import milliseconds, ratio
from gridrt.report.bench_report.look import Look, shortened
from gridrt.report.bench_report.markup import element, joined
from gridrt.report.bench_report.plot import WIDTH, across, figure, svg, text
from gridrt.report.bench_report.tables import Column, Line, folded, table

START, END = 6, 404
BAND, BAR, BOUND, NAME = 66, 24, 6, 18  # pixels of a model, of its bar, of the bound below, and of the name above
DIGIT = 8  # pixels, with room around it
LETTERS = 24
COLORS = 11  # of stages; the style sheet defines them, and one for "other"


def stages(looks: Sequence[Look]) -> Markup:
    """A bar of stages for each model that has stage times, with their bounds, and the numbers."""
    having = [look for look in looks if _total(look) > 0]
    if not having:
        return Markup()
    names = list(dict.fromkeys(stage.name for look in having for stage in look.row.stages))
    caption = (
        "A run on one image, each stage with its number. The strip below a stage is its bound: the least time for its "
        "flops and bytes at this machine's peaks; where there is no strip, it is not known. These are times of one "
        "run; the tables have medians over all runs, so the sums differ from them."
    )
    axis = linear_axis(0, 1000 * max(map(_total, having)), START, END)
    bottom = BAND * len(having) + 2
    bands = (_band(look, names, axis, index * BAND) for index, look in enumerate(having))
    unit = text((START + END) / 2, bottom + 32, "ms", "axis middle")
    label = "Stages of the session of each model"
    chart = svg(WIDTH, bottom + 38, label, across(axis, 2, bottom), *bands, unit)
    numbers = (element("span", str(n + 1), class_=f"number {_color(n, name)}") for n, name in enumerate(names))
    entries = (element("li", number, name) for number, name in zip(numbers, names, strict=True))
    drawn = figure(caption, chart, element("ol", *entries, class_="legend stages"), kind="beside")
    return joined(drawn, folded("Numbers: stages and bounds", *(_numbers(look, names) for look in having)))


def _color(number: int, name: str) -> str:
    """The class of the style sheet; "other" is grey."""
    return "fill-other" if name == "other" else f"fill{number % COLORS}"


def _band(look: Look, names: Sequence[str], axis: Axis, top: float) -> Markup:
    ends = list(accumulate((1000 * stage.seconds for stage in look.row.stages), initial=0.0))
    bars = (
        _segment(stage, names.index(stage.name), axis, start, top + NAME + 4)
        for stage, start in zip(look.row.stages, ends, strict=False)  # one more end than stages
    )
    name = text(START, top + NAME - 2, shortened(look.name, LETTERS), "name start")
    total = f"{milliseconds(_total(look))} ms"
    bounds = [stage.bound for stage in look.row.stages if stage.bound is not None]
    if bounds:
        least = "" if len(bounds) == len(look.row.stages) else "at least "
        total += f", bound {least}{milliseconds(sum(bounds))}"
    return element("g", name, text(END, top + NAME - 2, total, "tick end"), *bars, data_artefact=look.index)


def _segment(stage: StageRow, number: int, axis: Axis, start: float, top: float) -> Markup:
    left, right = axis.at(start), axis.at(start + 1000 * stage.seconds)
    title = f"{number + 1} {stage.name}: {milliseconds(stage.seconds)} ms, bound {milliseconds(stage.bound)} ms"
    bar = element(
        "rect", x=left, y=top, width=max(right - left - 1, 0.5), height=BAR, class_=_color(number, stage.name)
    )
    bound = Markup()
    if stage.bound is not None:
        width = axis.at(min(start + 1000 * stage.bound, start + 1000 * stage.seconds)) - left
        bound = element("rect", x=left, y=top + BAR + 2, width=max(width - 1, 0.5), height=BOUND, class_="bound")
    digits = str(number + 1)
    inside = right - left > DIGIT * len(digits) + 6
    label = text((left + right) / 2, top + BAR / 2 + 4, digits, "inside middle") if inside else Markup()
    return element("g", element("title", title), bar, bound, label)


def _numbers(look: Look, names: Sequence[str]) -> Markup:
    columns = [Column("Stage"), Column("ms"), Column("share"), Column("bound, ms"), Column("times the bound")]
    total = _total(look)
    lines = [
        Line(
            [
                f"{names.index(stage.name) + 1} {stage.name}",
                milliseconds(stage.seconds),
                f"{stage.seconds / total:.0%}",
                milliseconds(stage.bound),
                ratio(stage.seconds / stage.bound if stage.bound else None),
            ]
        )
        for stage in look.row.stages
    ]
    return table(f"Stages of {look.name}", columns, lines)


def _total(look: Look) -> float:
    return sum(stage.seconds for stage in look.row.stages)
