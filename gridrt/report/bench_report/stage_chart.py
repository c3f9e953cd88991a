"""Where the time of a session goes, stage by stage, and how much of it no program could save."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from gridrt.bench.result import StageRow
from gridrt.report.bench_report.axis import Axis, linear_axis
from gridrt.report.bench_report.figures import milliseconds, ratio
from gridrt.report.bench_report.look import COLORS, Look, shortened
from gridrt.report.bench_report.markup import Html, element, joined
from gridrt.report.bench_report.plot import WIDTH, across, figure, svg, text
from gridrt.report.bench_report.tables import Column, Line, folded, table

START, END = 6, 404
BAND, BAR, FLOOR, NAME = 66, 24, 6, 18  # pixels of an artefact, of its bar, of the floor below, and of the name above
DIGIT = 8  # pixels, with room around it
LETTERS = 24


def stages(looks: Sequence[Look]) -> Html:
    """A bar of stages for each artefact that was looked into, with the floors below, and the numbers."""
    having = [look for look in looks if _total(look) > 0]
    if not having:
        return Html()
    names = list(dict.fromkeys(stage.name for look in having for stage in look.row.stages))
    caption = (
        "A run on one image, each stage with its number. The strip below a stage is its floor: the time below which no "
        "program gets on this machine; where there is no strip, it is not known."
    )
    tables = [_numbers(look, names) for look in having]
    drawn = figure(caption, _chart(having, names), _legend(names), kind="beside")
    return joined(drawn, folded("Numbers: stages and floors", *tables))


def _legend(names: Sequence[str]) -> Html:
    entries = (
        element("li", element("span", str(number + 1), class_=f"number fill{number % COLORS}"), name)
        for number, name in enumerate(names)
    )
    return element("ol", *entries, class_="legend stages")


def _chart(looks: Sequence[Look], names: Sequence[str]) -> Html:
    longest = max(_total(look) for look in looks)
    axis = linear_axis(0, 1000 * longest, START, END)
    bottom = BAND * len(looks) + 2
    bands = (_band(look, names, axis, index * BAND) for index, look in enumerate(looks))
    unit = text((START + END) / 2, bottom + 32, "ms", "axis middle")
    return svg(WIDTH, bottom + 38, "Stages of the session of each artefact", across(axis, 2, bottom), *bands, unit)


def _band(look: Look, names: Sequence[str], axis: Axis, top: float) -> Html:
    ends = list(accumulate((1000 * stage.seconds for stage in look.row.stages), initial=0.0))
    bars = (
        _segment(stage, names.index(stage.name), axis, start, top + NAME + 4)
        for stage, start in zip(look.row.stages, ends, strict=False)  # one more end than stages
    )
    name = text(START, top + NAME - 2, shortened(look.name, LETTERS), "name start")
    return element("g", name, text(END, top + NAME - 2, _told(look), "tick end"), *bars, data_artefact=look.index)


def _told(look: Look) -> str:
    floors = [stage.floor for stage in look.row.stages if stage.floor is not None]
    whole = f"{milliseconds(_total(look))} ms"
    if not floors:
        return whole
    least = "" if len(floors) == len(look.row.stages) else "at least "
    return f"{whole}, floor {least}{milliseconds(sum(floors))}"


def _segment(stage: StageRow, number: int, axis: Axis, start: float, top: float) -> Html:
    left, right = axis.at(start), axis.at(start + 1000 * stage.seconds)
    kind = f"fill{number % COLORS}"
    title = f"{number + 1} {stage.name}: {milliseconds(stage.seconds)} ms, floor {milliseconds(stage.floor)} ms"
    bar = element("rect", x=left, y=top, width=max(right - left - 1, 0.5), height=BAR, class_=kind)
    floor = Html()
    if stage.floor is not None:
        width = axis.at(min(start + 1000 * stage.floor, start + 1000 * stage.seconds)) - left
        floor = element("rect", x=left, y=top + BAR + 2, width=max(width - 1, 0.5), height=FLOOR, class_="floor")
    digits = str(number + 1)
    inside = right - left > DIGIT * len(digits) + 6
    label = text((left + right) / 2, top + BAR / 2 + 4, digits, "inside middle") if inside else Html()
    return element("g", element("title", title), bar, floor, label)


def _numbers(look: Look, names: Sequence[str]) -> Html:
    columns = [Column("StageRow"), Column("ms"), Column("share"), Column("floor, ms"), Column("times the floor")]
    total = _total(look)
    lines = [
        Line(
            [
                f"{names.index(stage.name) + 1} {stage.name}",
                milliseconds(stage.seconds),
                f"{stage.seconds / total:.0%}",
                milliseconds(stage.floor),
                ratio(stage.seconds / stage.floor if stage.floor else None),
            ]
        )
        for stage in look.row.stages
    ]
    return table(f"Stages of {look.name}", columns, lines)


def _total(look: Look) -> float:
    return sum(stage.seconds for stage in look.row.stages)
