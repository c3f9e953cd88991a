"""A folder of images that show how a detector fails: precision over recall, and its worst mistakes."""

from __future__ import annotations

from pathlib import Path

from gridrt.data.coco import CocoDataset
from gridrt.eval import Evaluation
from gridrt.report.figure import require_matplotlib
from gridrt.report.mistakes import MISTAKES_PATTERN, save_mistakes
from gridrt.report.precision_recall import draw_precision_recall

CURVES = "precision_recall.png"
WORST_IMAGES = 12
SCORE_THRESHOLD = 0.3  # of the detections that count as made


def planned_pictures(folder: Path) -> list[Path]:
    """The files that `save_evaluation_pictures` may write or overwrite in a folder.

    Raises:
        DependencyError: matplotlib is not installed.
    """
    require_matplotlib()
    return [folder / CURVES, *folder.glob(MISTAKES_PATTERN)]


def save_evaluation_pictures(folder: Path, dataset: CocoDataset, evaluation: Evaluation) -> None:
    """Write the curves and the images with the worst mistakes into `folder`, which is made where it is missing.

    Raises:
        DependencyError: matplotlib is not installed.
        OutputError: they cannot be written.
    """
    draw_precision_recall(folder / CURVES, evaluation)
    save_mistakes(folder, dataset, evaluation.mistakes(SCORE_THRESHOLD)[:WORST_IMAGES])
