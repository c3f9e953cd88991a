"""Metrics as a table for people, in points of 100."""

from __future__ import annotations

from gridrt.eval import AveragePrecision, Metrics

COLUMNS = ("objects", "AP", "AP50", "AP75", "AP80", "AP90", "small", "medium", "large")
CELL = 8
FIGURES = {"AP": "ap", "AP50": "ap50", "AP75": "ap75", "AP80": "ap80", "AP90": "ap90"}
"""By their names for people: those that tell detectors apart, as fields of `AveragePrecision`."""


def table(metrics: Metrics) -> str:
    """A line for all classes together, then one for each class that has objects."""
    rows = [("all classes", metrics.overall), *(row for row in metrics.per_class.items() if row[1].objects > 0)]
    width = max(len(name) for name, _ in rows)
    head = " " * width + "".join(f"{column:>{CELL}}" for column in COLUMNS)
    return "\n".join([head, *(f"{name:<{width}}{_cells(one)}" for name, one in rows)])


def _cells(one: AveragePrecision) -> str:
    figures = (one.ap, one.ap50, one.ap75, one.ap80, one.ap90, one.small, one.medium, one.large)
    return f"{one.objects:>{CELL}}" + "".join(f"{points(figure):>{CELL}}" for figure in figures)


def points(figure: float | None) -> str:
    """A figure in 0..1 as people read it, in points of 100; a dash where nothing could be measured."""
    return "-" if figure is None else f"{100 * figure:.1f}"
