"""What a detector got wrong, image by image, as COCOeval matched it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.cocoeval import COCOeval

from gridrt.data.coco import CocoDataset
from gridrt.types import Detections, Float32Array, Int32Array

AREAS = ("all", "small", "medium", "large")  # COCOeval's ranges of object areas
Entry = dict[str, Any]  # an annotation, a result or a record of COCOeval


@dataclass(frozen=True)
class ImageMistakes:
    """What a detector got wrong in one image, at an IoU of 0.5.

    Attributes:
        index: of the image in the data set.
        missed_boxes: float32 [N, 4], xyxy of the objects that were not found.
        missed_labels: int32 [N].
        wrong: what was found where no such object is, or once more.
    """

    index: int
    missed_boxes: Float32Array
    missed_labels: Int32Array
    wrong: Detections

    @property
    def weight(self) -> float:
        """How bad it is: one for each object missed, and the score of each wrong detection."""
        return len(self.missed_labels) + float(self.wrong.scores.sum())


def mistakes_in(coco: COCOeval, dataset: CocoDataset, score_threshold: float) -> list[ImageMistakes]:
    """The images with mistakes, worst first; results below `score_threshold` count as not made.

    Args:
        coco: evaluated.
        dataset: the one it was evaluated on.
        score_threshold: in 0..1.
    """
    missed, wrong = defaultdict[int, list[Entry]](list), defaultdict[int, list[Entry]](list)
    for record in _of_all_areas(coco):
        missed[record["image_id"]] += _missed(coco, record, score_threshold)
        wrong[record["image_id"]] += _wrong(coco, record, score_threshold)
    found = [
        _mistakes(dataset, index, missed[image.id], wrong[image.id])
        for index, image in enumerate(dataset.images)
        if missed[image.id] or wrong[image.id]
    ]
    return sorted(found, key=lambda mistakes: -mistakes.weight)


def _of_all_areas(coco: COCOeval) -> list[Entry]:
    """The record of each category in each image that has an object or a result of it."""
    records = np.array(coco.evalImgs, object).reshape(-1, len(AREAS), len(coco.params.imgIds))
    return [record for record in records[:, 0].ravel() if record is not None]


def _missed(coco: COCOeval, record: Entry, score_threshold: float) -> list[Entry]:
    results, objects = coco.cocoDt.anns, coco.cocoGt.anns
    by = [int(result_id) for result_id in record["gtMatches"][0]]  # 0: by none
    found = [result_id > 0 and results[result_id]["score"] >= score_threshold for result_id in by]
    rows = zip(record["gtIds"], found, record["gtIgnore"], strict=True)
    return [objects[object_id] for object_id, is_found, is_ignored in rows if not is_found and not is_ignored]


def _wrong(coco: COCOeval, record: Entry, score_threshold: float) -> list[Entry]:
    rows = zip(record["dtIds"], record["dtMatches"][0], record["dtIgnore"][0], strict=True)
    unmatched = [coco.cocoDt.anns[result_id] for result_id, match, is_ignored in rows if match == 0 and not is_ignored]
    return [result for result in unmatched if result["score"] >= score_threshold]


def _mistakes(dataset: CocoDataset, index: int, missed: Sequence[Entry], wrong: Sequence[Entry]) -> ImageMistakes:
    wrong = sorted(wrong, key=lambda result: -result["score"])
    scores = np.array([result["score"] for result in wrong], np.float32)
    detections = Detections(_boxes(wrong), scores, _labels(dataset, wrong))
    return ImageMistakes(index, _boxes(missed), _labels(dataset, missed), detections)


def _boxes(entries: Sequence[Entry]) -> Float32Array:
    boxes = np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes.astype(np.float32)


def _labels(dataset: CocoDataset, entries: Sequence[Entry]) -> Int32Array:
    return np.array([dataset.category_ids.index(entry["category_id"]) for entry in entries], np.int32)
