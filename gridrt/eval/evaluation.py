"""Results compared with the ground truth by pycocotools' COCOeval, and the figures and curves that follow.

Shapes: T IoU thresholds, R recall steps, C categories, A area ranges, M limits on detections per image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from gridrt.data.coco import CocoDataset, silenced
from gridrt.eval.bootstrap import ClassMatches, matches_of
from gridrt.eval.metrics import AveragePrecision, Metrics
from gridrt.eval.mistakes import AREAS, ImageMistakes, mistakes_in
from gridrt.eval.results import Result
from gridrt.types import Float64Array

MAX_DETECTIONS = -1  # the last of COCOeval's limits, 100 per image


class Evaluation:
    """A data set's ground truth and the detections in it.

    Args:
        dataset: all its images count, also those with neither objects nor results.
        results: as from `detect_all`.
        failed: images that failed, each with the error: they and their objects do not count.

    Attributes:
        failed: as given.
    """

    def __init__(
        self, dataset: CocoDataset, results: Sequence[Result], failed: Mapping[Path, str] | None = None
    ) -> None:
        self._dataset, self.failed = dataset, failed or {}
        self._truth_ids = dataset.truth_ids()
        truth = dataset.ground_truth()
        with silenced():
            self._coco = COCOeval(truth, _index_of(results, truth, dataset), "bbox")
            self._coco.params.imgIds = [
                self._truth_ids[image.id]
                for index, image in enumerate(dataset.images)
                if dataset.path(index) not in self.failed
            ]
            self._coco.evaluate()
            self._coco.accumulate()

    def metrics(self) -> Metrics:
        """Average precision, overall and per class."""
        everything = slice(None)
        per_class = {
            name: self._precision_of(slice(row, row + 1)) for row, name in enumerate(self._dataset.class_names)
        }
        images = len(self._dataset) - len(self.failed)
        return Metrics(images, self._precision_of(everything), per_class, self.failed)

    def recall_steps(self) -> Float64Array:
        """The 101 recall steps, float64 [R]."""
        return np.asarray(self._coco.params.recThrs)

    def precision(self, iou: float) -> Float64Array:
        """Precision at each recall step, float64 [C, R]; -1 for categories without objects.

        Args:
            iou: from which on a detection counts, one of 0.5, 0.55, ..., 0.95.
        """
        return np.asarray(self._curves()[self._row_of(iou), :, :, 0].T)

    def mean_precision(self, iou: float) -> Float64Array:
        """`precision` averaged over the categories that have objects, float64 [R]; zeros if none has.

        Args:
            iou: as for `precision`.
        """
        curves = self.precision(iou)
        measured = curves[(curves > -1).all(1)]
        return measured.mean(0) if len(measured) else np.zeros(curves.shape[1])

    def average_precision(self, iou: float) -> float | None:
        """Average precision at one IoU, in 0..1; None if no category has objects.

        Args:
            iou: as for `precision`.
        """
        return _mean(self._curves()[self._row_of(iou), :, :, 0])

    def mistakes(self, score_threshold: float) -> list[ImageMistakes]:
        """The images with mistakes, worst first; detections below `score_threshold` do not count."""
        return mistakes_in(self._coco, [self._truth_ids[image.id] for image in self._dataset.images], score_threshold)

    def matches(self) -> list[ClassMatches]:
        """The matches of each class on the images that count, to resample them."""
        return matches_of(self._coco)

    def false_positives(self, score_threshold: float) -> int:
        """How many detections of at least this score match no object at an IoU of 0.5, or one that is matched."""
        return sum(len(one.wrong) for one in self.mistakes(score_threshold))

    def _curves(self) -> Float64Array:
        return np.asarray(self._coco.eval["precision"][..., MAX_DETECTIONS])  # [T, R, C, A]

    def _row_of(self, iou: float) -> int:
        return int(np.abs(self._coco.params.iouThrs - iou).argmin())

    def _precision_of(self, categories: slice) -> AveragePrecision:
        curves = self._curves()[:, :, categories]
        at = {iou: _mean(curves[self._row_of(iou), ..., 0]) for iou in (0.5, 0.75, 0.8, 0.9)}
        ap, small, medium, large = (_mean(curves[..., area]) for area in range(len(AREAS)))
        images, labels = set(self._coco.params.imgIds), range(len(self._dataset.class_names))[categories]
        annotations = self._coco.cocoGt.dataset["annotations"]
        objects = sum(
            not one["iscrowd"] and one["category_id"] in labels and one["image_id"] in images for one in annotations
        )
        return AveragePrecision(objects, ap, at[0.5], at[0.75], at[0.8], at[0.9], small, medium, large)


def _index_of(results: Sequence[Result], truth: COCO, dataset: CocoDataset) -> COCO:
    """Results as pycocotools' index, with the ids of `CocoDataset.ground_truth`."""
    truth_ids = dataset.truth_ids()
    label_of = {category_id: label for label, category_id in enumerate(dataset.category_ids)}
    if results:
        return truth.loadRes(
            [
                {**one, "image_id": truth_ids[one["image_id"]], "category_id": label_of[one["category_id"]]}
                for one in results
            ]
        )
    index = COCO()
    index.dataset = truth.dataset | {"annotations": []}
    index.createIndex()
    return index


def _mean(precision: Float64Array) -> float | None:
    """The mean of a part of COCOeval's table, in which -1 stands for categories without objects."""
    measured = precision[precision > -1]
    return float(measured.mean()) if measured.size else None
