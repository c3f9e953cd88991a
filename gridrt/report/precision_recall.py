"""Curves of precision over recall: by the required IoU, and by class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gridrt.eval import Evaluation
from gridrt.report.figure import new_figure, save_figure
from gridrt.report.metrics import points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

IOUS = (0.5, 0.75, 0.8, 0.9)
CLASSES = 10  # at most this many curves of single classes, for those with the most objects


def draw_precision_recall(target: str | Path, evaluation: Evaluation) -> None:
    """Plot the curves, in the format that the suffix names.

    Raises:
        DependencyError: matplotlib is not installed.
        OutputError: it cannot be written.
    """
    figure = new_figure(12, 5)
    overall, by_class = figure.subplots(1, 2)
    overall.set_title("Mean over classes")
    for iou in IOUS:
        mean = evaluation.mean_precision(iou)
        overall.plot(evaluation.recall_steps(), mean, label=f"IoU {iou:.2f}, AP {points(mean.mean())}")
    _draw_by_class(by_class, evaluation)
    for axes in (overall, by_class):
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
        axes.grid(alpha=0.3)
        axes.legend(loc="lower left")
    save_figure(target, figure)


def _draw_by_class(axes: Axes, evaluation: Evaluation) -> None:
    per_class = evaluation.metrics().per_class
    names = list(per_class)
    curves = evaluation.precision(0.5)
    counts = np.array([one.objects for one in per_class.values()])
    most = [row for row in np.argsort(-counts, kind="stable")[:CLASSES] if counts[row] > 0]
    axes.set_title("Classes at IoU 0.50" + (f", the {CLASSES} with the most objects" if len(names) > CLASSES else ""))
    for row in most:
        axes.plot(evaluation.recall_steps(), curves[row], label=f"{names[row]}, AP {points(curves[row].mean())}")
