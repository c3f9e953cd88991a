"""How good a detector is: average precision, as COCO defines it."""

from __future__ import annotations

from gridrt.data.coco import CocoDataset
from gridrt.detector import Detector
from gridrt.eval.evaluation import Evaluation
from gridrt.eval.metrics import AveragePrecision, Metrics
from gridrt.eval.mistakes import ImageMistakes
from gridrt.eval.results import DatasetResults, Result, detect_all

__all__ = [
    "AveragePrecision",
    "DatasetResults",
    "Evaluation",
    "ImageMistakes",
    "Metrics",
    "Result",
    "detect_all",
    "evaluate",
]


def evaluate(detector: Detector, dataset: CocoDataset) -> Metrics:
    """Detect in every image of a data set and measure the detections.

    Images that fail are skipped, with a warning: `Metrics.failed` names them. Under `torchrun` the processes
    share the images, and each returns the metrics of all.

    Args:
        detector: runs on one image at a time.
        dataset: the images and their objects.

    Raises:
        DataError: the classes of the detector are not those of the data.
        GridRTError: every image fails.
    """
    found = detect_all(detector, dataset)
    return Evaluation(dataset, found.results, found.failed).metrics()
