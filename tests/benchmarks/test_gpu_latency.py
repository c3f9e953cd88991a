"""What is timed on a GPU is the same work, and what does not get ready is left out; no GPU is needed to see that."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import engine_builds, gpu_candidates, gpu_latency
from benchmarks.gpu_candidates import (
    BASELINE,
    CANDIDATES,
    COMPILED,
    ENGINES,
    KERNELS,
    Ready,
    Task,
    eager,
    engine,
    in_half,
)
from benchmarks.gpu_latency import limited, measure
from benchmarks.gpu_report import Report, read_report
from benchmarks.photograph import PHOTO, filling
from gridrt.config import DEFAULT_SCALE
from gridrt.data.image import load_image
from gridrt.detector import Detector
from gridrt.errors import DependencyError
from gridrt.model.checkpoint import load_model
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.types import RawDetections, UInt8Array
from tests.half_precision import assert_errors_of_half_precision, with_coarse_weights


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CPU in the place of the GPU."""
    for kind in (torch.Tensor, torch.nn.Module):
        monkeypatch.setattr(kind, "cuda", lambda self: self)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    for setting in ("allow_tf32", "benchmark"):  # which are the process's, and as before afterwards
        monkeypatch.setattr(torch.backends.cudnn, setting, getattr(torch.backends.cudnn, setting))


@pytest.fixture
def task(tmp_path: Path, untrained: Callable[[str], GridRCNN]) -> Task:
    picture = filling(load_image(PHOTO), (160, 96))
    return Task(untrained("tiny"), {"fp16": tmp_path / "graph.onnx"}, picture.images, picture.image_sizes, tmp_path)


def test_the_picture_has_the_shape_of_the_benchmark() -> None:
    assert filling(load_image(PHOTO), DEFAULT_SCALE).images.shape == (1, 800, 1344, 3)


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("half", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_pytorch_does_the_task_each_time_it_is_launched(task: Task, *, half: bool) -> None:
    ready = eager(task, half=half)

    found: Any = ready.launch()
    boxes, _, labels = found
    assert ready.detections == (labels >= 0).sum() > 0
    assert boxes.dtype == torch.float32
    assert next(task.model.parameters()).dtype == torch.float32


def test_a_model_in_half_precision_detects_what_it_detects_in_full(photo: Callable[[str], UInt8Array]) -> None:
    model, picture = load_model("tiny_synthetic"), photo("coffee_crop")

    half = in_half(copy.deepcopy(model))

    assert {weight.dtype for weight in half.backbone.parameters()} == {torch.float16}
    assert half.rpn_head.base0.dtype == torch.float32
    models = (model, half, with_coarse_weights(model))
    expected, found, coarse = (Detector(TorchSession(each, "cpu"))([picture])[0] for each in models)
    assert_errors_of_half_precision(expected, found, coarse)


def test_engines_are_built_once_for_both_ways_and_launched_between_waits(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal: list[str] = []

    class Stream:
        def __init__(self, name: str) -> None:
            self.name = name

        def wait_stream(self, other: Stream) -> None:
            journal.append(f"{self.name} waits for {other.name}")

    class FakeSession:
        stream = 7

        def __init__(self, path: Path, *, cuda_graphs: bool) -> None:
            assert path.exists()
            journal.append(f"graphs: {cuda_graphs}")

        def run(self, *_: object) -> RawDetections:
            return RawDetections(np.zeros((1, 3, 4)), np.zeros((1, 3)), np.array([[4, 2, -1]]))  # type: ignore[arg-type]

        def resident(self, *_: object) -> Callable[[], None]:
            return lambda: journal.append("launch")

    def built(graph: Path, file: Path, *options: str, seconds: float) -> None:
        journal.append(f"build {graph.name} {' '.join(options)}, {seconds > 0}")
        file.touch()

    monkeypatch.setattr(gpu_candidates, "built", built)
    monkeypatch.setattr(gpu_candidates, "TensorRTSession", FakeSession)
    monkeypatch.setattr(torch.cuda, "ExternalStream", lambda handle: Stream(f"stream {handle}"))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: Stream("current"))

    first, second = (engine(task, "fp16", cuda_graphs=graphs) for graphs in (True, False))
    assert journal == ["build graph.onnx --batch 1 --size 96x160, True", "graphs: True", "graphs: False"]
    assert (first.detections, second.detections) == (2, 2)
    journal.clear()
    first.launch()
    assert journal == ["stream 7 waits for current", "launch", "current waits for stream 7"]


def test_what_takes_too_long_to_get_ready_is_stopped_and_nothing_else() -> None:
    with pytest.raises(TimeoutError, match="not ready in 0 s"), limited(0.05):
        time.sleep(5)
    with pytest.raises(TimeoutError, match="no time was left"), limited(-1):
        pytest.fail("it must not begin")
    with limited(0.05):
        pass
    time.sleep(0.1)


@pytest.mark.usefixtures("cpu")
def test_each_batch_and_candidate_is_a_row_and_one_that_fails_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Task) -> Ready:
        raise RuntimeError("out of tune")

    def timed(calls: dict[str, Any], **_: object) -> dict[str, list[float]]:
        return {name: [8.0 if name == BASELINE else 2.0] for name in calls}

    candidates = {
        BASELINE: lambda _: Ready(lambda: None, 83),
        "broken": fails,
        "other": lambda _: Ready(nullcontext, 82),
    }
    monkeypatch.setattr(gpu_latency, "untrained_model", lambda _: SimpleNamespace(eval=lambda: None))
    monkeypatch.setattr(gpu_latency, "interleaved_milliseconds", timed)

    measure(tmp_path, Report(tmp_path / "gpu_latency.json", {}), time.monotonic() + 600, candidates)

    rows, _ = read_report(tmp_path / "gpu_latency.json")
    problems = [row for row in rows if "problem" in row]
    assert [row["what"] for row in problems] == ["batch 1, broken", "batch 8, broken"]
    found = {(row["shape"][0], row["candidate"]): row for row in rows if "result" in row}
    assert found.keys() == {(batch, name) for batch in (1, 8) for name in (BASELINE, "other")}
    row = found[8, "other"]
    assert row["shape"] == [8, 800, 1344, 3]
    assert (row["median_ms"], row["p95_ms"], row["count"]) == (2, 2, 1)
    assert (row["times_faster"], row["detections"]) == (4, 82)


def test_kernels_come_first_and_what_compiles_is_apart() -> None:
    assert next(iter(CANDIDATES)) == next(iter(COMPILED)) == KERNELS
    assert BASELINE in CANDIDATES
    assert not any("compiled" in name for name in CANDIDATES)


@pytest.mark.usefixtures("cpu")
def test_without_tensorrt_no_graph_is_exported_and_engines_do_not_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_tensorrt() -> None:
        raise DependencyError("cannot load TensorRT")

    monkeypatch.setattr(gpu_latency, "tensorrt_here", no_tensorrt)
    monkeypatch.setattr(engine_builds, "graphs_of", lambda *_: pytest.fail("it takes a minute"))
    monkeypatch.setattr(gpu_latency, "untrained_model", lambda _: SimpleNamespace(eval=lambda: None))
    candidates = {name: lambda _: Ready(lambda: None, 1) for name in (BASELINE, *ENGINES)}
    monkeypatch.setattr(gpu_latency, "interleaved_milliseconds", lambda calls, **_: {name: [1.0] for name in calls})
    report = Report(tmp_path / "gpu_latency.json", {})

    measure(tmp_path, report, time.monotonic() + 600, candidates)

    rows, _ = read_report(tmp_path / "gpu_latency.json")
    assert [row["what"] for row in rows] == ["engines", f"batch 1, {BASELINE}", f"batch 8, {BASELINE}"]
    assert "cannot load TensorRT" in rows[0]["inapplicable"]
    assert not report.has_problems
