"""How good a detector is: average precision, as COCO defines it."""

from __future__ import annotations

import warnings

from gridrt import processes
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
    if found.failed and processes.rank() == 0:
        count = f"{len(found.failed)} of {len(dataset)} images"
        warnings.warn(f"skipped {count}, which failed; the first: {next(iter(found.failed.values()))}", stacklevel=2)
    return Evaluation(dataset, found.results, found.failed).metrics()
