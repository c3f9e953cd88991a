"""Metrics as a table of text, in points of 100."""

from __future__ import annotations

from gridrt.eval import Metrics

COLUMNS = ("objects", "AP", "AP50", "AP75", "AP80", "AP90", "small", "medium", "large")
CELL = 8
FIGURES = {"AP": "ap", "AP50": "ap50", "AP75": "ap75", "AP80": "ap80", "AP90": "ap90"}
"""The most telling figures: display names, with the fields of `AveragePrecision`."""


def table(metrics: Metrics) -> str:
    """A row for all classes together, then one for each class that has objects."""
    rows = [("all classes", metrics.overall), *(row for row in metrics.per_class.items() if row[1].objects > 0)]
    width = max(len(name) for name, _ in rows)
    head = " " * width + "".join(f"{column:>{CELL}}" for column in COLUMNS)
    lines = [head]
    for name, one in rows:
        figures = (one.ap, one.ap50, one.ap75, one.ap80, one.ap90, one.small, one.medium, one.large)
        cells = [str(one.objects), *map(points, figures)]
        lines.append(f"{name:<{width}}" + "".join(f"{cell:>{CELL}}" for cell in cells))
    return "\n".join(lines)


def points(figure: float | None) -> str:
    """A figure in 0..1 as text in points of 100; a dash for None, which means not measurable."""
    return "-" if figure is None else f"{100 * figure:.1f}"
