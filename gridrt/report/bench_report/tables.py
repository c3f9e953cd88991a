"""Tables that a phone scrolls within the page, their first column held in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gridrt.report.bench_report.markup import Html, element


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes:
        name: what it is of.
        group: what it shares with its neighbours of the same group; empty for a column of its own.
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
        index: the artefact that it is of; None for another line.
    """

    cells: Sequence[str]
    notes: Sequence[Html] = field(default=())
    index: int | None = None


def table(caption: str, columns: Sequence[Column], lines: Sequence[Line], kind: str = "") -> Html:
    """A table in a box of its own that scrolls, also by keys.

    Args:
        caption: what it tells.
        columns: as many as each line has cells.
        lines: from the top.
        kind: a class of the style sheet; empty for figures.
    """
    head = element("thead", *_head(columns))
    bodies = (_body(line, columns) for line in lines)
    whole = element("table", element("caption", caption), head, *bodies, class_=kind or None)
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _head(columns: Sequence[Column]) -> list[Html]:
    """One row of heads, or two where some columns share a group."""
    rows = 2 if any(column.group for column in columns) else None
    upper, lower = [], []
    for index, column in enumerate(columns):
        if not column.group:
            upper.append(element("th", column.name, scope="col", rowspan=rows))
            continue
        lower.append(element("th", column.name, scope="col"))
        if index == 0 or columns[index - 1].group != column.group:
            width = sum(other.group == column.group for other in columns)
            upper.append(element("th", column.group, scope="colgroup", colspan=width))
    return [element("tr", *row) for row in (upper, lower) if row]


def _body(line: Line, columns: Sequence[Column]) -> Html:
    cells = [
        element("td", cell, data_key=column.key or None)
        for cell, column in zip(line.cells[1:], columns[1:], strict=True)
    ]
    row = element("tr", element("th", line.cells[0], scope="row"), *cells, data_artefact=line.index)
    notes = (
        element("tr", element("td", element("p", note), colspan=len(columns)), class_="note") for note in line.notes
    )
    return element("tbody", row, *notes)


def folded(what: str, *content: Html) -> Html:
    """What few look for, folded away until it is asked for; on paper it is open."""
    return element("details", element("summary", what), *content)
