from __future__ import annotations

from pathlib import Path

import numpy as np

from gridrt.data.image import load_image
from gridrt.eval import ImageMistakes
from gridrt.report.mistakes import MISSED_COLOR, WRONG_COLOR, draw_mistakes, save_mistakes
from gridrt.types import Detections
from tests.datasets import write_dataset

NO_BOX = np.zeros((0, 4), np.float32)
NO_LABEL = np.zeros(0, np.int32)
MISSED = np.array([[2, 30, 20, 46]], np.float32)
WRONG = Detections(np.array([[2, 20, 60, 40]], np.float32), np.array([0.8], np.float32), np.array([1], np.int32))
NONE_WRONG = Detections(NO_BOX, NO_BOX[:, 0], NO_LABEL)
CAT = np.array([0], np.int32)


def has(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], color: tuple[int, int, int]) -> bool:
    return bool((image == np.array(color)).all(2).any())


def test_missed_and_wrong_boxes_are_drawn_in_their_colours(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    mistakes = [
        ImageMistakes(0, MISSED, CAT, WRONG),
        ImageMistakes(0, MISSED, CAT, NONE_WRONG),
        ImageMistakes(0, NO_BOX, NO_LABEL, WRONG),
    ]

    drawn = [draw_mistakes(dataset, one) for one in mistakes]

    assert [(has(image, MISSED_COLOR), has(image, WRONG_COLOR)) for image in drawn] == [
        (True, True),
        (True, False),
        (False, True),
    ]


def test_images_are_numbered_from_the_worst(tmp_path: Path) -> None:
    save_mistakes(tmp_path, write_dataset(tmp_path), [ImageMistakes(0, MISSED, CAT, WRONG)])

    assert load_image(tmp_path / "mistakes_01_a.png").shape == (48, 64, 3)
