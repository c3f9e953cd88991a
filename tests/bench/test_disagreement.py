from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gridrt.bench.disagreement import disagreement_weight, worst_disagreements
from gridrt.data.image import save_image
from gridrt.types import Detections

SAME, MOVED, EMPTY = Path("same.png"), Path("moved.png"), Path("empty.png")


@pytest.fixture(autouse=True)
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for shade, file in enumerate((SAME, MOVED, EMPTY)):
        save_image(file, np.full((16, 24, 3), shade, np.uint8))


def found(*rows: tuple[float, float, float, float, float]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4], np.zeros(len(table), np.int32))


SQUARE = (0, 0, 10, 10, 0.9)


def test_what_is_missing_or_extra_counts_one_each() -> None:
    assert disagreement_weight(found(SQUARE), found()) == 1
    assert disagreement_weight(found(), found(SQUARE, SQUARE)) == 2


def test_a_pair_counts_by_what_its_boxes_do_not_share() -> None:
    assert disagreement_weight(found(SQUARE), found((0, 0, 10, 5, 0.9))) == pytest.approx(0.5)


def test_the_images_that_differ_most_come_first_and_equal_ones_are_left_out() -> None:
    reference = {SAME: found(SQUARE), MOVED: found(SQUARE), EMPTY: found(SQUARE)}
    other = {SAME: found(SQUARE), MOVED: found((1, 0, 11, 10, 0.9)), EMPTY: found()}

    worst = worst_disagreements("b.onnx", ["thing"], reference, other, count=5)

    assert [(one.file, one.row) for one in worst] == [(EMPTY, "b.onnx"), (MOVED, "b.onnx")]
    assert [one.image[0, 0, 0] for one in worst] == [2, 1]
    assert [one.file for one in worst_disagreements("b.onnx", ["thing"], reference, other, count=1)] == [EMPTY]


def test_unlikely_detections_are_neither_shown_nor_counted() -> None:
    unlikely = (50, 50, 60, 60, 0.29)

    assert worst_disagreements("b", ["x"], {SAME: found(SQUARE)}, {SAME: found(SQUARE, unlikely)}, count=5) == []


def test_images_that_one_side_has_not_seen_are_left_out() -> None:
    assert worst_disagreements("b", ["x"], {SAME: found(SQUARE)}, {}, count=5) == []


def test_a_difference_that_no_eye_sees_is_no_disagreement() -> None:
    nearly = (0, 0, 10, 10.001, 0.9)

    assert worst_disagreements("b", ["x"], {SAME: found(SQUARE)}, {SAME: found(nearly)}, count=5) == []
