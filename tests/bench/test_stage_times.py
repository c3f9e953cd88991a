from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gridrt.bench import stage_times as module
from gridrt.bench.stage_times import stage_times
from gridrt.bench.stages import STAGES, times_of
from gridrt.errors import GridRTError
from gridrt.model.checkpoint import save_weights
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime import open_session
from gridrt.runtime.onnxruntime_session import OnnxRuntimeSession
from gridrt.runtime.tensorrt_session import TensorRTSession
from tests.fakes import FakeSession

IMAGES = np.full((1, 64, 96, 3), 128, np.uint8)
SIZES = np.array([[60, 90]], np.int32)


def test_checkpoint_and_graph_have_the_same_stages(
    untrained: Callable[[str], GridRCNN], exported: Callable[[str], Path], tmp_path: Path
) -> None:
    checkpoint = tmp_path / "tiny.pth"
    save_weights(untrained("tiny"), checkpoint)

    for model in (checkpoint, exported("tiny")):
        times = stage_times(open_session(model, threads=1), model, IMAGES, SIZES, threads=1, warm_up=1, runs=2)

        assert tuple(times.seconds) == STAGES
        assert times.total == pytest.approx(sum(times.seconds.values()))
        assert all(seconds > 0 for seconds in times.seconds.values())


def test_an_engine_is_asked_for_its_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    session = object.__new__(TensorRTSession)
    asked: list[Any] = []

    def engine_times(*arguments: Any, **counts: int) -> object:  # noqa: ANN401 - what is passed on
        asked.append((arguments[0], counts))
        return times_of([("nms", 1.0)])

    monkeypatch.setattr(module, "engine_stage_times", engine_times)

    assert stage_times(session, Path("r50.engine"), IMAGES, SIZES, warm_up=3, runs=4).total == 1
    assert asked == [(session, {"warm_up": 3, "runs": 4})]


def test_a_session_of_another_kind_has_no_stages() -> None:
    with pytest.raises(TypeError, match="FakeSession"):
        stage_times(FakeSession(), Path("any"), IMAGES, SIZES)


def test_a_graph_on_a_gpu_has_no_stages_of_a_cpu() -> None:
    session = object.__new__(OnnxRuntimeSession)
    session.providers = ("CUDAExecutionProvider", "CPUExecutionProvider")

    with pytest.raises(GridRTError, match=r"on the CPU alone .*CUDAExecutionProvider"):
        stage_times(session, Path("a.onnx"), IMAGES, SIZES)
