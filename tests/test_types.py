"""Detections as a collection, and in the forms that other tools take."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from gridrt.types import Detections

BOXES = [[10.25, 20, 30, 40], [-3, -4, 70, 90]]


def detections(boxes: object = BOXES, scores: object = (0.9, 0.4), labels: object = (1, 0)) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(labels, np.int32)
    )


def test_iterating_yields_box_score_and_label_of_each_detection() -> None:
    found = [(box.tolist(), score, label) for box, score, label in detections()]

    assert found == [(BOXES[0], np.float32(0.9), 1), (BOXES[1], np.float32(0.4), 0)]


def test_equal_numbers_are_equal_detections() -> None:
    assert detections() == detections()
    assert detections([], [], []) == detections([], [], [])


@pytest.mark.parametrize(
    "other",
    [
        detections([BOXES[0], [-3, -4, 70, 91]]),
        detections(scores=(0.9, 0.3)),
        detections(labels=(1, 1)),
        detections(BOXES[:1], (0.9,), (1,)),
        detections(BOXES[::-1], (0.4, 0.9), (0, 1)),
        "detections",
    ],
    ids=["box", "score", "label", "count", "order", "type"],
)
def test_one_difference_makes_detections_differ(other: object) -> None:
    assert detections() != other


def test_clipping_moves_boxes_to_the_border_and_keeps_every_row() -> None:
    found = detections([[-3, -4, 70, 90], [10, 20, 30, 40], [80, 10, 90, 20]], (0.9, 0.8, 0.7), (0, 1, 2))

    clipped = found.clip(height=50, width=60)

    assert clipped == detections([[0, 0, 60, 50], [10, 20, 30, 40], [60, 10, 60, 20]], (0.9, 0.8, 0.7), (0, 1, 2))
    assert clipped.boxes.dtype == np.float32
    assert found.boxes[0, 0] == -3


def test_dicts_name_the_class_and_keep_every_digit_of_float32() -> None:
    rows = detections(scores=(0.1, 1 / 3)).to_dicts(("cat", "dog"))

    assert rows[0] == {"box": BOXES[0], "score": 0.1, "label": 1, "name": "dog"}
    read = [row["score"] for row in json.loads(json.dumps(rows))]
    np.testing.assert_array_equal(np.array(read, np.float32), np.array([0.1, 1 / 3], np.float32))


def test_pycocotools_reads_the_coco_results() -> None:
    truth = COCO()
    truth.dataset = {"images": [{"id": 7}], "annotations": [], "categories": [{"id": 4}, {"id": 9}]}
    truth.createIndex()

    loaded = truth.loadRes(detections().to_coco(7, (4, 9)))

    rows = [(row["image_id"], row["category_id"], row["bbox"]) for row in loaded.loadAnns(loaded.getAnnIds())]
    assert rows == [(7, 9, [10.25, 20, 19.75, 20]), (7, 4, [-3, -4, 73, 94])]


def test_labels_without_a_category_are_left_out_of_the_coco_results() -> None:
    assert [row["category_id"] for row in detections().to_coco(7, (None, 9))] == [9]
