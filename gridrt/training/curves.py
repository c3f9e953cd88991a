"""The curves of a training: losses on the left, average precision on the right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gridrt.report.figure import new_figure, save_figure
from gridrt.training.log import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PRECISIONS = ("ap", "ap50", "ap75", "ap90")


def draw_curves(target: Path, records: Sequence[Record]) -> None:
    """Plot the records of a log, in the format that the suffix names.

    Raises:
        DependencyError: matplotlib is not installed.
        OutputError: it cannot be written.
    """
    figure = new_figure(12, 5)
    left, right = figure.subplots(1, 2)
    losses = [record for record in records if "loss" in record]
    names = [name for name in (losses[0] if losses else ()) if name.startswith("loss")]
    _plot(left, losses, names)
    left.set(title="Losses", yscale="log")
    _plot(right, [record for record in records if "ap" in record], PRECISIONS, marker="o")
    right.set(title="Average precision", ylim=(0, 1))
    save_figure(target, figure)


def _plot(axes: Axes, records: Sequence[Record], names: Sequence[str], marker: str = "") -> None:
    for name in names:
        rows = [(record["iteration"], record[name]) for record in records if record[name] is not None]
        axes.plot([row[0] for row in rows], [row[1] for row in rows], marker=marker, label=name)
    axes.set_xlabel("iteration")
    axes.grid(alpha=0.3)
    if records:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=len(names), frameon=False, fontsize="small")
