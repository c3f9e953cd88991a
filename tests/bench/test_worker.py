from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import pytest

from gridrt.bench.process import CandidateProcess
from gridrt.bench.worker import Worker, WorkerOptions, _peak_memory, open_worker
from gridrt.data.image import load_image, save_image
from gridrt.detector import Detector
from gridrt.errors import GraphError, NonFiniteError
from gridrt.runtime import open_session
from gridrt.runtime.backend import SessionOptions, backend_named
from tests.fakes import FakeSession, whole_image_graph

SCALE = (64, 48)


def worker() -> Worker:
    return Worker(backend_named("onnxruntime"), FakeSession())


@pytest.fixture
def scaled() -> Worker:
    made = worker()
    made.use_scale(SCALE)
    return made


@pytest.fixture
def image(tmp_path: Path) -> Path:
    save_image(tmp_path / "a.png", np.full((96, 128, 3), 200, np.uint8))
    return tmp_path / "a.png"


def test_detections_are_those_of_a_detector(scaled: Worker, image: Path) -> None:
    timed = scaled.detect(image)

    [expected] = Detector(FakeSession(), SCALE)([load_image(image)])
    np.testing.assert_array_equal(timed.detections.boxes, expected.boxes)


def test_the_detector_takes_at_least_what_its_session_takes(scaled: Worker, image: Path) -> None:
    timed = scaled.detect(image)

    assert 0 < timed.session < timed.detector


def test_an_open_model_is_described_by_its_session() -> None:
    assert worker().describe() == FakeSession().info


def test_output_that_is_not_finite_is_an_error_that_names_the_image(image: Path) -> None:
    broken = Worker(backend_named("onnxruntime"), FakeSession(rows=[(0, 0, 9, 9, float("nan"), 0)]))

    with pytest.raises(NonFiniteError) as caught:
        broken.detect(image)
    assert caught.value.place == image


@pytest.mark.parametrize(("rows", "stage"), [([], "box_head"), ([], None), ([(0, 0, 9, 9, 0.5, 0)], "box_head")])
def test_an_overflow_is_the_error_of_an_image_without_detections(
    image: Path, rows: list[tuple[float, float, float, float, float, int]], stage: str | None
) -> None:
    made = Worker(backend_named("onnxruntime"), FakeSession(rows=rows), find_stage=lambda _: stage)

    assert len(made.detect(image).detections) == len(rows)
    error = made.overflow(image)
    assert [word in error for word in ("a.png: ", "stage box_head")] == [stage is not None and not rows] * 2


def test_a_model_is_opened_by_the_backend_that_is_named(tmp_path: Path) -> None:
    onnx.save(whole_image_graph(), tmp_path / "a.onnx")

    found = open_worker(WorkerOptions("onnxruntime", tmp_path / "a.onnx", SessionOptions(threads=1)))

    assert found.describe() == open_session(tmp_path / "a.onnx").info


def test_a_model_that_does_not_open_raises_its_error(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"damaged")

    with pytest.raises(GraphError) as caught:
        open_worker(WorkerOptions("onnxruntime", tmp_path / "a.onnx", SessionOptions()))
    assert caught.value.place == tmp_path / "a.onnx"


def test_memory_is_the_peak_of_the_process_whoever_started_it() -> None:
    ballast = bytearray(300 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])  # touched, and so really held by this process

    with closing(CandidateProcess(worker)) as candidate:
        before = candidate.call("memory").main
        after = worker().memory().main

    assert after is not None
    assert 20e6 < before < after - 200e6


def test_memory_that_was_given_back_counts(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("VmPeak:\t  900 kB\nVmHWM:\t  500 kB\nVmRSS:\t  100 kB\n")

    assert _peak_memory(tmp_path / "status") == 500 << 10


def test_a_system_that_reports_nothing_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name: python\n")

    assert _peak_memory(tmp_path / "status") is None
    assert _peak_memory(tmp_path / "absent") is None


def test_gpu_memory_is_what_nvidia_smi_reports_for_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho '1, 10'\necho '77, 300'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("gridrt.forks.require_no_fork", lambda: None)
    monkeypatch.setattr("gridrt.detector.require_no_fork", lambda: None)
    monkeypatch.setattr("gridrt.bench.worker.os.getpid", lambda: 77)

    assert worker().memory().gpu == 300 << 20


@pytest.mark.parametrize("answer", ["exit 1", "echo 'No devices'", "echo '[N/A], [N/A]'"])
def test_an_nvidia_smi_that_reports_nothing_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert worker().memory().gpu is None
