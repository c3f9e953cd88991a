"""Names beside the markers of a scatter plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from gridrt.report.bench_report.look import Look, shortened
from gridrt.report.bench_report.markup import element, joined
from gridrt.report.bench_report.plot import BOTTOM, LEFT, RIGHT, TOP, text

LETTERS, LETTER, LINE = 24, 8.6, 14  # most letters of a name, and pixels of one and of a line at most
GAP = 9  # pixels from the marker's middle
Box = tuple[float, float, float, float]
Side = tuple[str, float, float, Box]
"""How the text is aligned, where it starts, and what it covers."""


def labels(looks: Sequence[Look], places: Sequence[tuple[float, float]]) -> tuple[Markup, bool]:
    """A name for each marker; its number where there is no room for the name, with a line to the marker if need be.

    Returns:
        The drawing, and whether any number stands for a name.
    """
    taken: list[Box] = [(x - 6, y - 6, x + 6, y + 6) for x, y in places]
    drawn, numbered = [], False
    for look, (x, y) in zip(looks, places, strict=True):
        name, number = shortened(look.name, LETTERS), str(look.number)
        words, side = name, _free(_sides(x, y, LETTER * len(name)), taken)
        if side is None:
            numbered, words, width = True, number, LETTER * len(number)
            further = (each for gap in range(GAP, RIGHT - LEFT, LINE // 2) for each in _sides(x, y, width, gap))
            side = _free(further, taken) or next(_sides(x, y, width))
        kind, left, baseline, box = side
        taken.append(box)
        middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        is_far = max(abs(middle[0] - x), abs(middle[1] - y)) > GAP + LETTER * len(words)
        leader = element("line", x1=x, y1=y, x2=middle[0], y2=middle[1], class_="leader") if is_far else ""
        drawn.append(look.group(leader, text(left, baseline, words, f"name {kind}")))
    return joined(*drawn), numbered


def _free(sides: Iterator[Side], taken: Sequence[Box]) -> Side | None:
    """The first that lies in the frame and covers nothing."""
    for side in sides:
        left, top, right, bottom = side[3]
        is_inside = left >= LEFT and top >= TOP and right <= RIGHT and bottom <= BOTTOM
        if is_inside and not any(
            left < other[2] and other[0] < right and top < other[3] and other[1] < bottom for other in taken
        ):
            return side
    return None


def _sides(x: float, y: float, width: float, gap: float = GAP) -> Iterator[Side]:
    """Beside the marker, then above and below it."""
    half = LINE / 2
    yield "start", x + gap, y + 4, (x + gap, y - half, x + gap + width, y + half)
    yield "end", x - gap, y + 4, (x - gap - width, y - half, x - gap, y + half)
    for middle in (y - gap - half, y + gap + half):
        for kind, left in (("middle", x - width / 2), ("start", x), ("end", x - width)):
            yield kind, x, middle + 4, (left, middle - half, left + width, middle + half)
