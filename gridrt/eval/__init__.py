"""How good a detector is: average precision, as COCO defines it."""

from __future__ import annotations

from gridrt.data.coco import CocoDataset
from gridrt.detector import Detector
from gridrt.eval.evaluation import Evaluation
from gridrt.eval.metrics import AveragePrecision, Metrics
from gridrt.eval.mistakes import ImageMistakes
from gridrt.eval.results import Result, detect_all

__all__ = [
    "AveragePrecision",
    "Evaluation",
    "ImageMistakes",
    "Metrics",
    "Result",
    "detect_all",
    "evaluate",
]


def evaluate(detector: Detector, dataset: CocoDataset) -> Metrics:
    """Detect in every image of a data set and measure what was found.

    Under `torchrun` the processes share the images, and each returns the metrics of all.

    Raises:
        DataError: the classes of the detector are not those of the data, or a picture is not as large as annotated.
        ImageError: a picture cannot be read.
    """
    return Evaluation(dataset, detect_all(detector, dataset)).metrics()
