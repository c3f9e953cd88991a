"""What a detector got wrong, image by image, as COCOeval matched it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.cocoeval import COCOeval

from gridrt.types import Detections, Float32Array, Int32Array

AREAS = ("all", "small", "medium", "large")  # COCOeval's ranges of object areas
Entry = dict[str, Any]  # an annotation, a result or a record of COCOeval


@dataclass(frozen=True)
class ImageMistakes:
    """What a detector got wrong in one image, at an IoU of 0.5.

    Attributes:
        index: of the image in the data set.
        missed_boxes: float32 [N, 4], xyxy of the objects that no detection matches.
        missed_labels: int32 [N].
        wrong: detections that match no object, or one that is matched already.
    """

    index: int
    missed_boxes: Float32Array
    missed_labels: Int32Array
    wrong: Detections

    @property
    def weight(self) -> float:
        """How bad it is: 1 for each missed object, and the score of each wrong detection."""
        return len(self.missed_labels) + float(self.wrong.scores.sum())


def mistakes_in(coco: COCOeval, truth_ids: Sequence[int], score_threshold: float) -> list[ImageMistakes]:
    """The images with mistakes, worst first; results below `score_threshold` do not count.

    Args:
        coco: evaluated, with the ids of `CocoDataset.ground_truth`.
        truth_ids: by index of the image, its id there.
        score_threshold: in 0..1.
    """
    # The record of each category in each image that has an object or a result of it; of these, objects of any area.
    records = np.array(coco.evalImgs, object).reshape(-1, len(AREAS), len(coco.params.imgIds))[:, 0].ravel()
    missed, wrong = defaultdict[int, list[Entry]](list), defaultdict[int, list[Entry]](list)  # by id
    for record in records:
        if record is not None:
            missed[record["image_id"]] += _missed(coco, record, score_threshold)
            wrong[record["image_id"]] += _wrong(coco, record, score_threshold)
    found = []
    for index, image_id in enumerate(truth_ids):
        if missed[image_id] or wrong[image_id]:
            by_score = sorted(wrong[image_id], key=lambda result: -result["score"])
            scores = np.array([result["score"] for result in by_score], np.float32)
            detections = Detections(_boxes(by_score), scores, _labels(by_score))
            found.append(ImageMistakes(index, _boxes(missed[image_id]), _labels(missed[image_id]), detections))
    return sorted(found, key=lambda mistakes: -mistakes.weight)


def _missed(coco: COCOeval, record: Entry, score_threshold: float) -> list[Entry]:
    results, objects = coco.cocoDt.anns, coco.cocoGt.anns
    matches = [int(result_id) for result_id in record["gtMatches"][0]]  # 0: none
    found = [match > 0 and results[match]["score"] >= score_threshold for match in matches]
    rows = zip(record["gtIds"], found, record["gtIgnore"], strict=True)
    return [objects[object_id] for object_id, is_found, is_ignored in rows if not is_found and not is_ignored]


def _wrong(coco: COCOeval, record: Entry, score_threshold: float) -> list[Entry]:
    rows = zip(record["dtIds"], record["dtMatches"][0], record["dtIgnore"][0], strict=True)
    unmatched = [coco.cocoDt.anns[result_id] for result_id, match, is_ignored in rows if match == 0 and not is_ignored]
    return [result for result in unmatched if result["score"] >= score_threshold]


def _boxes(entries: Sequence[Entry]) -> Float32Array:
    boxes = np.array([entry["bbox"] for entry in entries], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return boxes.astype(np.float32)


def _labels(entries: Sequence[Entry]) -> Int32Array:
    return np.array([entry["category_id"] for entry in entries], np.int32)
