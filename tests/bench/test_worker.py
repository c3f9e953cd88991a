from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import pytest

from gridrt.bench.contestant import Contestant
from gridrt.bench.worker import Opening, Worker, _main_memory, backend_of, worker_of
from gridrt.data.image import load_image, save_image
from gridrt.detector import Detector
from gridrt.errors import GraphError
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from gridrt.runtime.pytorch.session import TorchSession
from tests.fakes import FakeSession, whole_image_graph

SCALE = (64, 48)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    save_image(tmp_path / "a.png", np.full((96, 128, 3), 200, np.uint8))
    return tmp_path / "a.png"


def test_a_picture_is_detected_in_as_a_detector_does(picture: Path) -> None:
    timed = Worker(FakeSession(), SCALE).detect(picture)

    [expected] = Detector(FakeSession(), SCALE)([load_image(picture)])
    np.testing.assert_array_equal(timed.detections.boxes, expected.boxes)


def test_the_detector_takes_at_least_what_its_session_takes(picture: Path) -> None:
    timed = Worker(FakeSession(), SCALE).detect(picture)

    assert 0 < timed.session < timed.detector


def test_what_is_open_tells_its_classes_and_scale() -> None:
    opened = Worker(FakeSession(), None).opened()

    assert (opened.class_names, opened.scale, opened.scale_origin) == (("cat", "dog"), (1333, 800), "noted")


def test_an_artefact_opens_as_it_does_for_a_detector(tmp_path: Path) -> None:
    onnx.save(whole_image_graph(), tmp_path / "a.onnx")

    assert worker_of(Opening(str(tmp_path / "a.onnx"), SCALE, 1, trust_checkpoint=False)).opened().scale == SCALE


def test_an_artefact_that_does_not_open_raises_its_error(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="no such file"):
        worker_of(Opening(str(tmp_path / "a.onnx"), None, None, trust_checkpoint=False))


def test_backends_are_told_with_their_version(tmp_path: Path, untrained: Callable[[str], GridRCNN]) -> None:
    onnx.save(whole_image_graph(), tmp_path / "a.onnx")

    assert backend_of(OnnxRuntimeSession(tmp_path / "a.onnx")) == f"onnxruntime {version('onnxruntime')}, CPU"
    assert backend_of(TorchSession(untrained("tiny"), "cpu")) == f"torch {version('torch')}, cpu"


def test_half_precision_is_asked_of_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def opened(_model: str, *, fp16: bool, **_others: object) -> FakeSession:
        asked.append(fp16)
        return FakeSession()

    monkeypatch.setattr("gridrt.bench.worker.open_session", opened)
    for fp16 in (True, False):
        worker_of(Opening("a.pth", SCALE, None, trust_checkpoint=False, fp16=fp16))

    assert asked == [True, False]


def test_the_backend_of_an_engine_is_its_tensorrt() -> None:
    session = FakeSession()
    session.library = "tensorrt 10.16.0"  # type: ignore[attr-defined] # as a TensorRTSession has

    assert backend_of(session) == "tensorrt 10.16.0, CUDA"


def test_memory_is_the_most_that_the_process_held_whoever_started_it() -> None:
    ballast = bytearray(300 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])  # touched, and so really held by this process

    with closing(Contestant(Worker, FakeSession(), None)) as contestant:
        before = contestant.ask("memory").main
        after = Worker(FakeSession(), None).memory().main

    assert after is not None
    assert 20e6 < before < after - 200e6


def test_memory_that_was_given_back_counts(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("VmPeak:\t  900 kB\nVmHWM:\t  500 kB\nVmRSS:\t  100 kB\n")

    assert _main_memory(tmp_path / "status") == 500 << 10


def test_a_system_that_does_not_tell_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name: python\n")

    assert _main_memory(tmp_path / "status") is None
    assert _main_memory(tmp_path / "absent") is None


def test_gpu_memory_is_what_nvidia_smi_tells_of_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '1, 10'\necho '77, 300'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("gridrt.bench.worker.os.getpid", lambda: 77)

    assert Worker(FakeSession(), None).memory().gpu == 300 << 20


@pytest.mark.parametrize("answer", ["exit 1", "echo 'No devices'", "echo '[N/A], [N/A]'"])
def test_an_nvidia_smi_that_tells_nothing_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert Worker(FakeSession(), None).memory().gpu is None
