"""Any number of detections, any batch, any size: all CPU backends agree, and a batch equals its images."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest

from gridrt.data.transform import Batch, Transform
from gridrt.matched_detections import match_detections
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.backend import Session
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from gridrt.runtime.openvino.session import OpenVinoSession
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.types import Detections, RawDetections

CPU = ["CPUExecutionProvider"]
BACKGROUND = "roi_head.bbox_head.fc_cls.bias"
SMALL = (160, 128)


def rows(raw: RawDetections, image: int = 0) -> Detections:
    """The used rows of one image, after a look at the unused ones."""
    used = raw.labels[image] >= 0
    assert not raw.boxes[image][~used].any()
    assert not raw.scores[image][~used].any()
    assert (np.diff(raw.scores[image]) <= 0).all()
    return Detections(raw.boxes[image][used], raw.scores[image][used], raw.labels[image][used])


def coarsened(model: GridRCNN) -> GridRCNN:
    """A float32 copy whose weights have FP16's 11 significant bits, where float32 has 24."""
    model = copy.deepcopy(model)
    for weight in model.parameters():
        weight.data = weight.data.half().float()
    return model


def assert_same(expected: Detections, actual: Detections, coarse: Detections) -> None:
    """At most as many detections differ by more than the median error of coarser weights as differ by those weights.

    How much of a rounding error reaches the results depends on the net and on the image, and shows in the same run. In
    large images a backend's order of sums costs some of the bits that lie between: hundreds of times float32's epsilon.
    """
    if len(expected) == len(actual) == 0:
        return
    found, coarser = match_detections(expected, actual), match_detections(expected, coarse)
    tolerances = float(np.median(coarser.box_errors)), float(np.median(coarser.score_errors))
    assert found.outside(*tolerances) <= coarser.outside(*tolerances), (found, coarser)


@pytest.fixture(scope="module")
def tiny(untrained: Callable[[str], GridRCNN]) -> GridRCNN:
    return untrained("tiny")


@pytest.fixture(scope="module")
def sessions(tiny: GridRCNN, exported: Callable[[str], Path]) -> dict[str, Session]:
    return {
        "coarse": TorchSession(coarsened(tiny), "cpu"),
        "torch": TorchSession(tiny, "cpu"),
        "onnx": OnnxRuntimeSession(exported("tiny"), CPU, threads=1),
        "openvino": OpenVinoSession(exported("tiny"), threads=1),
    }


def model_that_finds(count: int, model: GridRCNN, batch: Batch) -> tuple[GridRCNN, float]:
    """A copy of `model` whose background is just likely enough to leave `count` detections, and that bias."""
    model = copy.deepcopy(model)
    bias = model.state_dict()[BACKGROUND]
    low, high = -50.0, 80.0
    for _ in range(60):
        bias[-1] = (low + high) / 2
        found = len(rows(TorchSession(model, "cpu").run(batch.images, batch.image_sizes)))
        if found == count:
            return model, float(bias[-1])
        low, high = (low, (low + high) / 2) if found < count else ((low + high) / 2, high)
    raise AssertionError(f"no bias leaves {count} detections")


def graph_with_bias(graph: Path, bias: float, target: Path) -> Path:
    """The same graph with another likelihood of background."""
    model = onnx.load(graph)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == BACKGROUND)
    values = onnx.numpy_helper.to_array(tensor).copy()
    values[-1] = bias
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, BACKGROUND))
    onnx.save(model, target)
    return target


@pytest.mark.parametrize("count", [0, pytest.param(1, marks=pytest.mark.slow), 100])
def test_any_number_of_detections(
    tiny: GridRCNN, exported: Callable[[str], Path], photo: Callable[[str], np.ndarray], tmp_path: Path, count: int
) -> None:
    batch = Transform(SMALL)([photo("coffee")])
    model, bias = model_that_finds(count, tiny, batch)
    graph = graph_with_bias(exported("tiny"), bias, tmp_path / "biased.onnx")
    expected, coarse = (
        rows(TorchSession(each, "cpu").run(batch.images, batch.image_sizes)) for each in (model, coarsened(model))
    )
    for session in (OnnxRuntimeSession(graph, CPU, threads=1), OpenVinoSession(graph, threads=1)):
        actual = rows(session.run(batch.images, batch.image_sizes))
        assert len(actual) == len(expected) == count
        assert_same(expected, actual, coarse)


@pytest.mark.parametrize("backend", ["torch", "onnx", "openvino"])
def test_a_batch_equals_its_images_on_the_same_canvas(
    sessions: dict[str, Session], photo: Callable[[str], np.ndarray], backend: str
) -> None:
    images = [photo("coffee"), photo("chelsea")[:, :120], photo("astronaut_crop")[:90]]
    batch = Transform(SMALL)(images)
    together = sessions[backend].run(batch.images, batch.image_sizes)
    found = 0
    for index in range(3):
        one = batch.images[index : index + 1], batch.image_sizes[index : index + 1]
        alone, coarse = (rows(sessions[each].run(*one)) for each in (backend, "coarse"))
        assert_same(alone, rows(together, index), coarse)
        found += len(alone)
    assert found > 0


@pytest.mark.parametrize(
    ("height", "width"),
    [
        (64, 64),
        (65, 97),
        (33, 250),
        *(pytest.param(*size, marks=pytest.mark.slow) for size in [(101, 71), (320, 211), (480, 640), (800, 1333)]),
    ],
)
def test_all_backends_agree_at_every_size(
    sessions: dict[str, Session], photo: Callable[[str], np.ndarray], height: int, width: int
) -> None:
    canvas = np.zeros((1, -(-height // 32) * 32, -(-width // 32) * 32, 3), np.uint8)
    picture = photo("coffee")
    canvas[0, :height, :width] = np.tile(picture, (3, 3, 1))[:height, :width]
    sizes = np.array([[height, width]], np.int32)
    expected, coarse, *others = (
        rows(sessions[each].run(canvas, sizes)) for each in ("torch", "coarse", "onnx", "openvino")
    )
    assert len(expected) > 0
    for actual in others:
        assert_same(expected, actual, coarse)


def test_padding_does_not_change_what_the_pixels_mean(sessions: dict[str, Session]) -> None:
    """What lies beyond an image's size is not read, whatever it holds."""
    random = np.random.default_rng(0)
    clean = np.zeros((1, 128, 160, 3), np.uint8)
    clean[0, :100, :120] = random.integers(0, 255, (100, 120, 3))
    dirty = clean.copy()
    dirty[0, 100:], dirty[0, :, 120:] = 255, 255
    sizes = np.array([[100, 120]], np.int32)
    for session in sessions.values():
        expected, actual = session.run(clean, sizes), session.run(dirty, sizes)
        np.testing.assert_array_equal(actual.boxes, expected.boxes)
        np.testing.assert_array_equal(actual.scores, expected.scores)
