"""Tables that scroll within the page on a phone, with a sticky first column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from gridrt.report.bench_report.markup import element, render


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes:
        name: of what it shows.
        group: shared with its neighbours of the same group; empty for a column of its own.
        key: by which programs find its cells; empty for none.
    """

    name: str
    group: str = ""
    key: str = ""


@dataclass(frozen=True)
class Line:
    """A line of a table.

    Attributes:
        cells: the first names the line.
        notes: sentences below it.
        index: of the row of the bench; None for another line.
    """

    cells: Sequence[str]
    notes: Sequence[Markup] = ()
    index: int | None = None


def table(caption: str, columns: Sequence[Column], lines: Sequence[Line], kind: str = "") -> Markup:
    """A table in a box of its own, which scrolls also by keys.

    Args:
        caption: what it shows.
        columns: as many as each line has cells.
        lines: from the top.
        kind: a class of the style sheet; empty for figures.
    """
    return render("table.html", caption=caption, columns=columns, lines=lines, kind=kind)


def folded(title: str, *content: Markup) -> Markup:
    """What few look for, folded away until it is asked for; on paper it is open."""
    return element("details", element("summary", title), *content)
