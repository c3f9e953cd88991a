from __future__ import annotations

import numpy as np

from gridrt.detector import Detector
from gridrt.errors import GridRTError, ImageError, NonFiniteError
from gridrt.serving.detect_each import detect_each
from gridrt.types import Detections, Int32Array, RawDetections, UInt8Array
from tests.fakes import FakeSession

WHITE = 255


class WithoutWhite(FakeSession):
    """Gives NaN for white images."""

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        raw = super().run(images, image_sizes)
        boxes = raw.boxes.copy()
        boxes[images[:, 0, 0, 0] == WHITE] = np.nan
        return RawDetections(boxes, raw.scores, raw.labels)


def image(height: int, width: int, value: int = 0) -> UInt8Array:
    return np.full((height, width, 3), value, np.uint8)


def test_a_batch_has_images_of_one_canvas_and_results_keep_their_order() -> None:
    session = FakeSession(scale=(64, 64))
    images = [image(64, 64), image(64, 32), image(64, 64), image(60, 64), image(64, 64)]

    outcomes = detect_each(Detector(session), images, 3)

    # Each alone: 64x64, 64x32, 64x64, 60x64 padded to 64x64, 64x64.
    assert sorted(session.shapes_seen) == [(1, 64, 32, 3), (1, 64, 64, 3), (3, 64, 64, 3)]
    alone = [Detector(FakeSession(scale=(64, 64)))([each])[0] for each in images]
    assert outcomes == alone


def test_an_image_that_is_not_finite_fails_alone() -> None:
    images = [image(64, 64), image(64, 64, WHITE), image(64, 64)]

    good, bad, other = detect_each(Detector(WithoutWhite(scale=(64, 64))), images, 3)

    assert isinstance(bad, NonFiniteError)
    assert isinstance(good, Detections)
    assert isinstance(other, Detections)
    assert (len(good), len(other)) == (2, 2)


def test_an_image_that_could_not_be_read_hands_on_its_error() -> None:
    error = ImageError("cannot decode the image")

    outcomes = detect_each(Detector(FakeSession()), [error, image(9, 9)], 8)

    assert outcomes[0] is error
    assert isinstance(outcomes[1], Detections)


def test_what_is_no_image_fails_alone() -> None:
    outcomes = detect_each(Detector(FakeSession(scale=(64, 64))), [image(64, 64), image(64, 64)[..., :2]], 8)

    assert isinstance(outcomes[0], Detections)
    assert isinstance(outcomes[1], GridRTError)
