from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from gridrt.api import load_model, open_detector
from gridrt.data.transform import Batch
from gridrt.detector import Detector
from gridrt.errors import GridRTError, NonFiniteError
from gridrt.types import Int32Array, RawDetections, UInt8Array
from tests.fakes import FakeSession, whole_image_graph


def image(height: int, width: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.zeros((height, width, 3), np.uint8)


def test_boxes_come_back_in_pixels_of_the_original_image() -> None:
    detector = Detector(FakeSession(rows=[(10, 20, 30, 40, 0.9, 1)]), scale=(200, 100))

    found = detector([image(50, 80)])[0]  # resized to 100 x 160

    np.testing.assert_array_equal([[5, 10, 15, 20]], found.boxes)


def test_unused_rows_are_dropped_and_the_rest_keeps_its_order() -> None:
    found = Detector(FakeSession())([image(50, 80)])[0]

    assert len(found) == 2
    np.testing.assert_array_equal(np.array([0.9, 0.4], np.float32), found.scores)
    np.testing.assert_array_equal([1, 0], found.labels)
    assert [found.boxes.dtype.name, found.scores.dtype.name, found.labels.dtype.name] == ["float32", "float32", "int32"]


def test_no_detection_is_an_empty_result() -> None:
    found = Detector(FakeSession(rows=[]))([image(50, 80)])[0]

    assert (found.boxes.shape, len(found)) == ((0, 4), 0)


def test_images_of_one_canvas_run_as_one_batch_and_none_on_a_larger_canvas_than_alone() -> None:
    session = FakeSession()

    found = Detector(session, scale=(60, 40))([image(20, 30), image(30, 20), image(20, 60), image(40, 40)])

    assert session.shapes_seen == [(3, 64, 64, 3), (1, 32, 64, 3)]
    np.testing.assert_array_equal(
        [[5, 10, 15, 20], [5, 10, 15, 20], [10, 20, 30, 40], [10, 20, 30, 40]], [one.boxes[0] for one in found]
    )


@pytest.mark.parametrize(
    ("asked", "noted", "scale", "origin"),
    [
        ((200, 100), (64, 32), (200, 100), "as asked"),
        ((200, 100), None, (200, 100), "as asked"),
        (None, (64, 32), (64, 32), "noted"),
        (None, None, (1333, 800), "assumed"),
    ],
)
def test_the_scale_is_the_caller_s_else_the_model_s_else_the_default(
    asked: tuple[int, int] | None, noted: tuple[int, int] | None, scale: tuple[int, int], origin: str
) -> None:
    detector = Detector(FakeSession(scale=noted), asked)

    assert (detector.scale, detector.scale_origin) == (scale, origin)


def test_no_image_gives_no_result_and_runs_nothing() -> None:
    session = FakeSession()

    assert Detector(session)([]) == []
    assert session.shapes_seen == []


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (np.zeros((4, 5, 3), np.float32), "float32 [4, 5, 3]"),
        (np.zeros((4, 5), np.uint8), "uint8 [4, 5]"),
        (np.zeros((4, 5, 4), np.uint8), "uint8 [4, 5, 4]"),
        (np.zeros((3, 4, 5), np.uint8), "uint8 [3, 4, 5]"),
        (np.zeros((0, 5, 3), np.uint8), "uint8 [0, 5, 3]"),
        ("street.jpg", "str"),
    ],
)
def test_an_array_that_is_no_image_is_refused_with_its_place_and_value(bad: object, found: str) -> None:
    images: list[Any] = [image(4, 5), bad]

    with pytest.raises(GridRTError) as caught:
        Detector(FakeSession())(images)
    assert (caught.value.place, caught.value.value) == ("images[1]", found)


def test_one_image_given_as_the_batch_is_refused() -> None:
    with pytest.raises(GridRTError) as caught:
        Detector(FakeSession())(image(4, 5))  # type: ignore[arg-type]
    assert (caught.value.place, caught.value.value) == ("images[0]", "uint8 [5, 3]")


class BrokenSession(FakeSession):
    """Returns numbers that are not finite for the second image of a batch."""

    def __init__(self, output: str, value: float, row: int) -> None:
        super().__init__()
        self.output, self.value, self.row = output, value, row

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        raw = super().run(images, image_sizes)
        getattr(raw, self.output)[1, self.row, ...] = self.value
        return raw


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("output", ["boxes", "scores"])
def test_a_number_that_is_not_finite_fails_with_the_image_and_the_output(output: str, value: float) -> None:
    with pytest.raises(NonFiniteError) as caught:
        Detector(BrokenSession(output, value, row=1))([image(50, 80)] * 3)

    assert caught.value.place == "images[1]"
    assert output in caught.value.rule
    assert str(value) in str(caught.value.value)
    assert "in detection 1" in str(caught.value.value)


def test_stages_rounded_to_fp16_do_not_judge_a_session_that_computes_it_in_fp32(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    session = FakeSession(rows=[])
    monkeypatch.setattr(FakeSession, "info", replace(session.info, precision="fp16", device="cpu"))

    assert len(Detector(session, (64, 64), lambda _: "fpn")([image(20, 64)])[0]) == 0


@pytest.mark.parametrize("stage", [None, "box_head"])
def test_an_image_without_detections_fails_if_the_stages_of_the_first_one_are_not_finite(stage: str | None) -> None:
    asked: list[tuple[int, ...]] = []

    def find_stage(batch: Batch) -> str | None:
        asked.append((*batch.images.shape, *batch.image_sizes[0].tolist()))
        return stage

    detector = Detector(FakeSession(rows=[]), (64, 64), find_stage)
    for _ in range(2):
        if stage is None:
            assert [len(found) for found in detector([image(20, 64), image(64, 64)])] == [0, 0]
            continue
        with pytest.raises(NonFiniteError) as caught:
            detector([image(20, 64), image(64, 64)])
        assert (caught.value.place, stage in str(caught.value.value)) == ("images[0]", True)

    assert asked == [(1, 32, 64, 3, 20, 64)]


def test_an_image_with_detections_is_not_looked_at_again() -> None:
    def find_stage(_: Batch) -> str:
        raise AssertionError

    assert len(Detector(FakeSession(), (64, 64), find_stage)([image(20, 64)])[0]) == 2


def test_the_stage_is_looked_for_once_with_the_image_that_failed() -> None:
    asked: list[tuple[int, ...]] = []

    def find_stage(batch: Batch) -> str:
        asked.append((*batch.images.shape, *batch.image_sizes[0].tolist()))
        return "grid_head"

    detector = Detector(BrokenSession("boxes", np.nan, row=1), (64, 64), find_stage)
    errors = []
    for _ in range(2):
        with pytest.raises(NonFiniteError) as caught:
            detector([image(64, 64), image(40, 64), image(64, 64)])
        errors.append(str(caught.value))

    assert asked == [(1, 64, 64, 3, 40, 64)]
    assert ["grid_head" in error for error in errors] == [True, False]


def test_numbers_in_unused_rows_are_not_read() -> None:
    found = Detector(BrokenSession("boxes", np.nan, row=2))([image(50, 80)] * 2)

    assert found[0] == found[1]


def test_class_names_are_the_session_s() -> None:
    assert Detector(FakeSession(class_names=("cell",))).class_names == ("cell",)


def test_a_scale_that_is_not_positive_is_refused() -> None:
    with pytest.raises(GridRTError) as caught:
        Detector(FakeSession(), scale=(0, 0))
    assert (caught.value.place, caught.value.value) == ("scale", (0, 0))


def test_unasked_the_scale_is_that_of_the_model_s_training() -> None:
    session = FakeSession(scale=(64, 32))

    Detector(session)([image(10, 20)])

    assert session.shapes_seen == [(1, 32, 64, 3)]


def test_opening_passes_the_scale_on(monkeypatch: pytest.MonkeyPatch) -> None:
    session = FakeSession()
    monkeypatch.setattr("gridrt.runtime.open_session", lambda *_, **__: session)

    open_detector(Path("any.onnx"), scale=(64, 32))([image(10, 20)])

    assert session.shapes_seen == [(1, 32, 64, 3)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A graph that finds each image whole."""
    onnx.save(whole_image_graph(), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def sent(pickled: bytes) -> Detector:
    detector = pickle.loads(pickled)  # noqa: S301 - written by this test
    assert isinstance(detector, Detector)
    return detector


def found_by(detector: Detector) -> list[float]:
    boxes: list[float] = detector([image(50, 80)])[0].boxes[0].tolist()
    return boxes


@pytest.mark.parametrize("tile", [None, 64])
def test_a_detector_is_pickled_for_another_process_which_opens_its_file(
    model: Path, monkeypatch: pytest.MonkeyPatch, tile: int | None
) -> None:
    monkeypatch.chdir(model.parent)
    detector = open_detector(model.name, (96, 64), threads=1, tile=tile, stretch=True)
    monkeypatch.chdir("/")

    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        elsewhere = process.submit(found_by, detector).result()
    assert elsewhere == found_by(detector) == pytest.approx([0, 0, 80, 50], abs=1e-4)
    again = sent(pickle.dumps(detector))
    assert (type(again), again.info, again.scale) == (type(detector), detector.info, (96, 64))
    assert (again.scale_origin, again.tile, again.stretch) == ("as asked", tile, True)


def test_weights_are_pickled_by_their_name() -> None:
    again = sent(pickle.dumps(open_detector("tiny_synthetic")))

    assert again.class_names == open_detector("tiny_synthetic").class_names


def test_a_file_that_has_changed_meanwhile_is_refused(model: Path) -> None:
    pickled = pickle.dumps(open_detector(model))
    onnx.save(whole_image_graph(classes='["other"]'), model)

    with pytest.raises(GridRTError, match="has changed"):
        sent(pickled)


def test_a_detector_without_a_file_cannot_be_pickled() -> None:
    with pytest.raises(GridRTError, match="cannot pickle"):
        pickle.dumps(Detector(FakeSession()))


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    "use",
    [found_by, lambda _: open_detector("tiny_synthetic"), lambda _: load_model("tiny_synthetic")],
    ids=["run", "open", "load"],
)
def test_a_forked_process_is_refused_where_it_would_hang(use: Callable[[Detector], object]) -> None:
    detector = Detector(FakeSession())
    process = os.fork()
    if process == 0:
        try:
            use(detector)
        except GridRTError as error:
            os._exit(3 if "forked from process" in str(error) else 4)
        finally:
            os._exit(5)

    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 3
