"""Results held against the ground truth by pycocotools' COCOeval, and what can be read off that.

Shapes: T thresholds of IoU, R steps of recall, C categories, A ranges of area, M limits on detections per image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from gridrt.data.coco import CocoDataset, silenced
from gridrt.eval.metrics import AveragePrecision, Metrics
from gridrt.eval.mistakes import AREAS, ImageMistakes, mistakes_in
from gridrt.eval.results import Result

Float64Array = npt.NDArray[np.float64]

MOST_DETECTIONS = -1  # the last of COCOeval's limits, 100 per image


class Evaluation:
    """A data set's ground truth beside what was found.

    Args:
        dataset: all its images count, also those with neither objects nor results.
        results: as from `detect_all`.
    """

    def __init__(self, dataset: CocoDataset, results: Sequence[Result]) -> None:
        self._dataset = dataset
        truth = dataset.ground_truth()
        with silenced():
            self._coco = COCOeval(truth, _index_of(results, truth), "bbox")
            self._coco.evaluate()
            self._coco.accumulate()

    def metrics(self) -> Metrics:
        """Average precision, overall and per class."""
        everything = slice(None)
        per_class = {
            name: self._precision_of(slice(row, row + 1)) for row, name in enumerate(self._dataset.class_names)
        }
        return Metrics(len(self._dataset), self._precision_of(everything), per_class)

    def recall_steps(self) -> Float64Array:
        """The 101 steps of recall, float64 [R]."""
        return np.asarray(self._coco.params.recThrs)

    def precision(self, iou: float) -> Float64Array:
        """Precision at each step of recall, float64 [C, R]; -1 for categories without objects.

        Args:
            iou: from which on a detection counts, one of 0.5, 0.55, ..., 0.95.
        """
        return np.asarray(self._curves()[self._row_of(iou), :, :, 0].T)

    def mean_precision(self, iou: float) -> Float64Array:
        """`precision` averaged over the categories that have objects, float64 [R]; zeros where none has.

        Args:
            iou: as for `precision`.
        """
        curves = self.precision(iou)
        measured = curves[(curves > -1).all(1)]
        return measured.mean(0) if len(measured) else np.zeros(curves.shape[1])

    def average_precision(self, iou: float) -> float | None:
        """Average precision at one IoU, in 0..1; None where no category has objects.

        Args:
            iou: as for `precision`.
        """
        return _mean(self._curves()[self._row_of(iou), :, :, 0])

    def mistakes(self, score_threshold: float) -> list[ImageMistakes]:
        """The images with mistakes, worst first; detections below `score_threshold` count as not made."""
        return mistakes_in(self._coco, self._dataset, score_threshold)

    def _curves(self) -> Float64Array:
        return np.asarray(self._coco.eval["precision"][..., MOST_DETECTIONS])  # [T, R, C, A]

    def _row_of(self, iou: float) -> int:
        return int(np.abs(self._coco.params.iouThrs - iou).argmin())

    def _precision_of(self, categories: slice) -> AveragePrecision:
        curves = self._curves()[:, :, categories]
        at = {iou: _mean(curves[self._row_of(iou), ..., 0]) for iou in (0.5, 0.75, 0.8, 0.9)}
        ap, small, medium, large = (_mean(curves[..., area]) for area in range(len(AREAS)))
        return AveragePrecision(
            self._count_objects(categories), ap, at[0.5], at[0.75], at[0.8], at[0.9], small, medium, large
        )

    def _count_objects(self, categories: slice) -> int:
        wanted = set(self._dataset.category_ids[categories])
        annotations = self._coco.cocoGt.dataset["annotations"]
        return sum(one["category_id"] in wanted and not one["iscrowd"] for one in annotations)


def _index_of(results: Sequence[Result], truth: COCO) -> COCO:
    """Results as pycocotools' index, of the images and categories of the ground truth."""
    if results:
        return truth.loadRes([dict(result) for result in results])  # it adds to what it is given
    index = COCO()
    index.dataset = truth.dataset | {"annotations": []}
    index.createIndex()
    return index


def _mean(precision: Float64Array) -> float | None:
    """The mean of a part of COCOeval's table, where -1 stands for categories without objects."""
    measured = precision[precision > -1]
    return float(measured.mean()) if measured.size else None
