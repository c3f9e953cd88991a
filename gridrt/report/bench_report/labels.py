"""Names beside the markers of a scatter plot, where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gridrt.report.bench_report.look import Look, shortened
from gridrt.report.bench_report.markup import Html, joined
from gridrt.report.bench_report.plot import BOTTOM, LEFT, RIGHT, TOP, text

LETTERS, LETTER, LINE = 24, 8.6, 14  # most letters of a name, and pixels of one and of a line at most
GAP = 9  # pixels from the marker's middle
Box = tuple[float, float, float, float]


def labels(looks: Sequence[Look], places: Sequence[tuple[float, float]]) -> Html:
    """A name for each marker, where there is room; none where it would cover something: the legend has it."""
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in places]
    drawn = []
    for look, place in zip(looks, places, strict=True):
        name = shortened(look.name, LETTERS)
        for kind, x, y, box in _sides(*place, LETTER * len(name)):
            if _is_inside(box) and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                drawn.append(look.group(text(x, y, name, f"name {kind}")))
                break
    return joined(*drawn)


def _sides(x: float, y: float, width: float) -> Iterator[tuple[str, float, float, Box]]:
    """How the text is aligned, where it starts, and what it covers: beside the marker, then above and below it."""
    half = LINE / 2
    yield "start", x + GAP, y + 4, (x + GAP, y - half, x + GAP + width, y + half)
    yield "end", x - GAP, y + 4, (x - GAP - width, y - half, x - GAP, y + half)
    for middle in (y - GAP - half, y + GAP + half):
        for kind, left in (("middle", x - width / 2), ("start", x), ("end", x - width)):
            yield kind, x, middle + 4, (left, middle - half, left + width, middle + half)


def _is_inside(box: Box) -> bool:
    return box[0] >= LEFT and box[1] >= TOP and box[2] <= RIGHT and box[3] <= BOTTOM


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
