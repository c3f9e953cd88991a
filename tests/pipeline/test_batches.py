from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridrt import open_detector
from gridrt.detector import Detector
from gridrt.errors import GridRTError, ImageError, NonFiniteError
from gridrt.pipeline import Outcome, Workers, batch_size, detect_in_order
from gridrt.runtime.info import ModelInfo
from gridrt.types import Detections, Int32Array, RawDetections, UInt8Array
from tests.fakes import FakeSession

INFO = ModelInfo(("cat",), None, "fake", "fp32", "nothing", "cpu")


def image(height: int, width: int) -> UInt8Array:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3), np.uint8)


def detected(detector: Detector, images: Sequence[UInt8Array], batch: int) -> list[Outcome[int]]:
    with Workers(2) as workers:
        return list(detect_in_order(detector, range(len(images)), images.__getitem__, workers, batch))


def test_a_batch_is_of_one_canvas_and_results_keep_the_order() -> None:
    session = FakeSession()
    sizes = [(64, 64), (30, 64), (60, 64), (64, 62), (32, 64), (64, 64)]

    found = detected(Detector(session, (64, 64)), [image(*size) for size in sizes], 3)

    assert session.shapes_seen == [(3, 64, 64, 3), (2, 32, 64, 3), (1, 64, 64, 3)]
    assert [(one.job, one.height, one.width) for one in found] == [(n, *size) for n, size in enumerate(sizes)]


def test_an_image_does_not_wait_long_for_others_of_its_canvas() -> None:
    session = FakeSession()
    sizes = [(64, 64), *[(32, 64)] * 30, (64, 64)]

    detected(Detector(session, (64, 64)), [image(*size) for size in sizes], 2)

    assert session.shapes_seen == [(1, 64, 64, 3), *[(2, 32, 64, 3)] * 15, (1, 64, 64, 3)]


def test_what_cannot_be_read_is_an_outcome_at_its_place() -> None:
    def read(job: int) -> UInt8Array:
        if job % 3 == 1:
            raise ImageError("no image", place=job)
        return image(64, 64)

    with Workers(2) as workers:
        found = list(detect_in_order(Detector(FakeSession(), (64, 64)), range(7), read, workers, 2))

    assert [isinstance(one.found, ImageError) for one in found] == [job % 3 == 1 for job in range(7)]
    assert [one.job for one in found] == list(range(7))


class OneRowIsBroken(FakeSession):
    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        raw = super().run(images, image_sizes)
        raw.boxes[images.max((1, 2, 3)) == 0] = np.nan
        return raw


def test_an_image_whose_output_is_not_finite_fails_alone_in_its_batch() -> None:
    images = [image(64, 64), np.zeros((64, 64, 3), np.uint8), image(64, 60)]

    found = detected(Detector(OneRowIsBroken(), (64, 64)), images, 3)

    assert [type(one.found) for one in found] == [Detections, NonFiniteError, Detections]


def test_pixels_are_kept_for_those_who_draw_alone() -> None:
    with Workers(1) as workers:
        for kept in (False, True):
            detector = Detector(FakeSession(), (64, 64))
            (one,) = detect_in_order(detector, [0], lambda _: image(20, 30), workers, 1, keep_pixels=kept)
            assert (one.pixels is not None, one.prepared) == (kept, None)


@pytest.mark.parametrize(
    ("device", "most", "asked", "chosen"),
    [("cpu", None, None, 1), ("cuda:0", None, None, 8), ("cuda:0", 2, None, 2), ("cpu", None, 5, 5), ("cpu", 4, 4, 4)],
)
def test_the_batch_is_as_asked_or_as_the_device_and_the_model_have_it(
    device: str, most: int | None, asked: int | None, chosen: int
) -> None:
    assert batch_size(replace(INFO, device=device, max_batch=most), asked) == chosen


def test_a_batch_that_the_model_does_not_take_is_refused() -> None:
    for info, tiled in ((replace(INFO, max_batch=2), False), (INFO, True)):
        with pytest.raises(GridRTError) as caught:
            batch_size(info, 3, tiled=tiled)
        assert (caught.value.place, caught.value.value) == ("`batch`", 3)


def test_mixed_sizes_in_batches_give_the_boxes_of_each_image_alone(data_dir: Path) -> None:
    # Two canvases by cuts of real pictures: tiny's group normalisation sees any padding beyond an image's own.
    detector = open_detector("tiny_bccd", threads=1)
    files = sorted((data_dir / "bccd" / "images").rglob("*.jp*g"))[:6]
    whole = [detector.load_image(file) for file in files]
    images = [one[: (480, 360, 470)[number % 3], : (640, 640, 500)[number % 3]] for number, one in enumerate(whole)]

    together = detected(detector, images, 4)

    assert sum(len(one.found) for one in together if isinstance(one.found, Detections)) > 20
    for pixels, one in zip(images, together, strict=True):
        (alone,) = detector([pixels])
        assert isinstance(one.found, Detections)
        np.testing.assert_allclose(one.found.boxes, alone.boxes, rtol=0, atol=0.01)
        np.testing.assert_array_equal(alone.labels, one.found.labels)
