"""How an artefact looks in every chart: colour, dash and the shape of its marker."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from math import cos, pi, sin

from gridrt.bench.result import BenchResult, Row
from gridrt.report.bench_report.markup import Html, element, joined

COLORS = 8  # of artefacts that are not the reference; the style sheet defines them
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
    """An artefact in charts.

    Attributes:
        row: its figures.
        name: what tells it from the others: its path without the folders that all share.
        index: its place in the table, from 0.
        is_reference: drawn in ink, and wider, below the others.
    """

    row: Row
    name: str
    index: int
    is_reference: bool

    @property
    def color(self) -> str:
        """The class of the style sheet that gives the colour."""
        return "s0" if self.is_reference else f"s{1 + (self.index - 1) % COLORS}"

    @property
    def dash(self) -> str | None:
        """As SVG has it; None is a solid line."""
        return DASHES[self.index % len(DASHES)]

    def group(self, *content: str) -> Html:
        """Marks of this artefact, in its colour; the script hides and shows them together."""
        return element("g", *content, class_=self.color, data_artefact=self.index)

    def line(self, places: Sequence[tuple[float, float]]) -> Html:
        """A line through places in the chart."""
        way = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        kind = "line wide" if self.is_reference else "line"
        return element("path", d=way, class_=kind, stroke_dasharray=self.dash)

    def marker(self, x: float, y: float, told: str = "") -> Html:
        """The artefact's marker, with what a pointer on it is told."""
        kind = "marker" if self.index // len(SHAPES) % 2 == 0 else "marker hollow"
        title = element("title", told) if told else ""
        shape = SHAPES[self.index % len(SHAPES)]
        if shape is None:
            return element("circle", title, cx=x, cy=y, r=RADIUS - 0.5, class_=kind)
        corners = ((x + RADIUS * cos(2 * pi * turn), y + RADIUS * sin(2 * pi * turn)) for turn in shape)
        return element("polygon", title, points=" ".join(f"{a:.1f},{b:.1f}" for a, b in corners), class_=kind)

    def swatch(self) -> Html:
        """A piece of its line with its marker."""
        sample = self.group(self.line([(1, 7), (35, 7)]), self.marker(18, 7))
        return element("svg", sample, viewBox="0 0 36 14", width=36, height=14, aria_hidden="true", class_="swatch")


def looks_of(result: BenchResult) -> list[Look]:
    """Every artefact of a bench, in the order of its rows."""
    names = short_names([row.artefact for row in result.rows])
    return [
        Look(row, name, index, row.artefact == result.reference)
        for index, (row, name) in enumerate(zip(result.rows, names, strict=True))
    ]


def names_of(result: BenchResult) -> dict[str, str]:
    """The short name of each artefact."""
    return {look.row.artefact: look.name for look in looks_of(result)}


def file_name(name: str) -> Html:
    """A file's name, which may be broken where its parts meet."""
    first, *others = re.split(r"(?=[._-])|(?<=/)", name)
    return element("span", first, *(part for other in others for part in (element("wbr"), other)), class_="file")


def short_names(artefacts: Sequence[str]) -> list[str]:
    """Paths without the folders that all of them share."""
    folders = [artefact.split("/")[:-1] for artefact in artefacts]
    shared = len(list(takewhile(lambda level: len(set(level)) == 1, zip(*folders, strict=False))))
    return ["/".join(artefact.split("/")[shared:]) for artefact in artefacts]


def legend(looks: Sequence[Look]) -> Html:
    """Which look is whose."""
    entries = (element("li", one.swatch(), file_name(one.name), data_toggles=one.index) for one in looks)
    return element("ul", *entries, class_="legend")


def shortened(text: str, length: int) -> str:
    """`text` with its middle left out, where it is longer than `length`; the end of a file's name tells most."""
    tail = length * 2 // 3
    return text if len(text) <= length else f"{text[: length - tail - 1]}…{text[-tail:]}"


def lines_through(pieces: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    """Runs of places without a gap, None."""
    gaps = [-1, *(index for index, place in enumerate(pieces) if place is None), len(pieces)]
    runs = [[place for place in pieces[left + 1 : right] if place] for left, right in pairwise(gaps)]
    return [run for run in runs if run]


def on_top(looks: Sequence[Look], drawn: Sequence[Html]) -> Html:
    """Marks of several artefacts, the reference's below."""
    order = sorted(range(len(looks)), key=lambda place: not looks[place].is_reference)
    return joined(*(drawn[place] for place in order))
