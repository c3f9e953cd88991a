"""How a row looks in every chart: colour, dash and the shape of its marker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from math import cos, pi, sin

from markupsafe import Markup

from gridrt.bench.result import BenchResult, Row
from gridrt.report.bench_report.markup import element, joined

COLORS = 8  # of rows that are not the reference; the style sheet defines them
DASHES = (None, "7 3", "2 2.5", "9 3 2 3", "5 2", "12 4")
RADIUS = 4.5
# Corners of each marker as turns of the circle; None is the circle itself.
SHAPES: tuple[Sequence[float] | None, ...] = (
    None,
    (1 / 8, 3 / 8, 5 / 8, 7 / 8),  # square
    (3 / 4, 1 / 12, 5 / 12),  # triangle
    (0, 1 / 4, 1 / 2, 3 / 4),  # diamond
    (1 / 4, 7 / 12, 11 / 12),  # triangle on its tip
    tuple(3 / 4 + corner / 5 for corner in range(5)),  # pentagon
)


@dataclass(frozen=True)
class Look:
    """A row in charts.

    Attributes:
        row: its figures.
        name: its name without the folders that all rows share.
        index: its place in the table, from 0.
        is_reference: drawn in ink, and wider, below the others.
    """

    row: Row
    name: str
    index: int
    is_reference: bool

    @property
    def number(self) -> int:
        """Its place in the table, as people count."""
        return self.index + 1

    @property
    def color(self) -> str:
        """The class of the style sheet that gives the colour."""
        return "s0" if self.is_reference else f"s{1 + (self.index - 1) % COLORS}"

    @property
    def dash(self) -> str | None:
        """As SVG has it; None is a solid line."""
        return DASHES[self.index % len(DASHES)]

    def group(self, *content: str) -> Markup:
        """Marks of this row, in its colour; the script hides and shows them together."""
        return element("g", *content, class_=self.color, data_artefact=self.index)

    def line(self, places: Sequence[tuple[float, float]]) -> Markup:
        """A line through places in the chart."""
        way = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        kind = "line wide" if self.is_reference else "line"
        return element("path", d=way, class_=kind, stroke_dasharray=self.dash)

    def marker(self, x: float, y: float, title: str = "") -> Markup:
        """The row's marker, with a tool tip."""
        kind = "marker" if self.index // len(SHAPES) % 2 == 0 else "marker hollow"
        tip = element("title", title) if title else ""
        shape = SHAPES[self.index % len(SHAPES)]
        if shape is None:
            return element("circle", tip, cx=x, cy=y, r=RADIUS - 0.5, class_=kind)
        corners = ((x + RADIUS * cos(2 * pi * turn), y + RADIUS * sin(2 * pi * turn)) for turn in shape)
        return element("polygon", tip, points=" ".join(f"{a:.1f},{b:.1f}" for a, b in corners), class_=kind)

    def swatch(self) -> Markup:
        """A piece of its line with its marker."""
        sample = self.group(self.line([(1, 7), (35, 7)]), self.marker(18, 7))
        return element("svg", sample, viewBox="0 0 36 14", width=36, height=14, aria_hidden="true", class_="swatch")


def looks_of(result: BenchResult) -> list[Look]:
    """Every row of a bench, in order."""
    names = short_names([row.name for row in result.rows])
    return [
        Look(row, name, index, row.name == result.reference)
        for index, (row, name) in enumerate(zip(result.rows, names, strict=True))
    ]


def file_name(name: str) -> Markup:
    """A file's name, which may be broken where its parts meet."""
    first, *others = re.split(r"(?=[._-])|(?<=/)", name)
    return element("span", first, *(part for other in others for part in (element("wbr"), other)), class_="file")


def short_names(names: Sequence[str]) -> list[str]:
    """Names without the folders that all of them share."""
    folders = [name.split("/")[:-1] for name in names]
    shared = len(list(takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False))))
    return ["/".join(name.split("/")[shared:]) for name in names]


def legend(looks: Sequence[Look], *, numbered: bool = False) -> Markup:
    """Swatches and names, with the numbers that stand for them in the chart where it has any."""
    entries = []
    for look in looks:
        number = element("b", str(look.number), " ") if numbered else ""
        entries.append(element("li", look.swatch(), number, file_name(look.name), data_toggles=look.index))
    return element("ul", *entries, class_="legend")


def shortened(text: str, length: int) -> str:
    """`text` without its middle where it is longer than `length`; the end of a file name distinguishes most."""
    tail = length * 2 // 3
    return text if len(text) <= length else f"{text[: length - tail - 1]}…{text[-tail:]}"


def lines_through(pieces: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """Runs of places between gaps, which are None."""
    gaps = [-1, *(index for index, place in enumerate(pieces) if place is None), len(pieces)]
    runs = [[place for place in pieces[left + 1 : right] if place] for left, right in pairwise(gaps)]
    return [run for run in runs if run]


def on_top(looks: Sequence[Look], drawn: Sequence[Markup]) -> Markup:
    """Marks of several rows, the reference's below."""
    order = sorted(range(len(looks)), key=lambda place: not looks[place].is_reference)
    return joined(*(drawn[place] for place in order))
