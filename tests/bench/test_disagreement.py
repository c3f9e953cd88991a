from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gridrt.bench.disagreement import weight_of, worst_disagreements
from gridrt.types import Detections

SAME, MOVED, EMPTY = Path("same.png"), Path("moved.png"), Path("empty.png")


def found(*rows: tuple[float, float, float, float, float]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4], np.zeros(len(table), np.int32))


SQUARE = (0, 0, 10, 10, 0.9)


def test_what_is_missing_or_extra_counts_one_each() -> None:
    assert weight_of(found(SQUARE), found()) == 1
    assert weight_of(found(), found(SQUARE, SQUARE)) == 2


def test_a_pair_counts_by_what_its_boxes_do_not_share() -> None:
    assert weight_of(found(SQUARE), found((0, 0, 10, 5, 0.9))) == pytest.approx(0.5)


def test_the_pictures_that_differ_most_come_first_and_equal_ones_not_at_all() -> None:
    reference = {SAME: found(SQUARE), MOVED: found(SQUARE), EMPTY: found(SQUARE)}
    other = {SAME: found(SQUARE), MOVED: found((1, 0, 11, 10, 0.9)), EMPTY: found()}

    worst = worst_disagreements("b.onnx", ["thing"], reference, other, count=5)

    assert [(one.picture, one.artefact) for one in worst] == [(EMPTY, "b.onnx"), (MOVED, "b.onnx")]
    assert [one.picture for one in worst_disagreements("b.onnx", ["thing"], reference, other, count=1)] == [EMPTY]


def test_unlikely_detections_are_neither_shown_nor_counted() -> None:
    unlikely = (50, 50, 60, 60, 0.29)

    assert worst_disagreements("b", ["x"], {SAME: found(SQUARE)}, {SAME: found(SQUARE, unlikely)}, count=5) == []


def test_pictures_that_one_side_has_not_seen_are_left_out() -> None:
    assert worst_disagreements("b", ["x"], {SAME: found(SQUARE)}, {}, count=5) == []


def test_a_difference_that_no_eye_sees_is_no_disagreement() -> None:
    nearly = (0, 0, 10, 10.001, 0.9)

    assert worst_disagreements("b", ["x"], {SAME: found(SQUARE)}, {SAME: found(nearly)}, count=5) == []
