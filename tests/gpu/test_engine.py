"""An engine, built and run here, detects what ONNX Runtime detects."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gridrt.detector import Detector
from gridrt.errors import DependencyError, EngineError
from gridrt.export.verify import BOX_TOLERANCE, EXCUSED_SHARE, SCORE_TOLERANCE
from gridrt.matched_detections import match_detections
from gridrt.plugins.aot.definitions import refuse_unfit
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from gridrt.runtime.tensorrt import session as tensorrt_session
from gridrt.runtime.tensorrt.library import load_tensorrt
from gridrt.runtime.tensorrt.pycuda_gpu import PyCudaGpu
from gridrt.runtime.tensorrt.session import TensorRTSession
from gridrt.types import Detections, UInt8Array

pytestmark = pytest.mark.gpu
ROOT = Path(__file__).parents[2]
SCALE = (320, 256)


@pytest.fixture(scope="module", params=["auto", "aot"])
def engine(
    request: pytest.FixtureRequest, exported: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Built in a process of its own, since a process has plugins of one kind."""
    try:
        library = load_tensorrt("auto")
        if request.param == "aot":
            refuse_unfit(library.trt)
    except (DependencyError, EngineError) as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("engine")
    options = ["--plugins", request.param, "--batch", "1..2", "--scale", *map(str, SCALE), "--out", "tiny.engine"]
    command = [sys.executable, "-m", "gridrt", "build-engine", "--model", str(exported("tiny")), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr
    return folder / "tiny.engine"


@pytest.mark.parametrize("cuda_graphs", [True, False])
def test_it_detects_what_onnx_runtime_detects_the_second_time_too(
    engine: Path, exported: Callable[[str], Path], photo: Callable[[str], UInt8Array], *, cuda_graphs: bool
) -> None:
    images = [photo("coffee")]
    (expected,) = Detector(OnnxRuntimeSession(exported("tiny"), ["CPUExecutionProvider"]), SCALE)(images)
    detector = Detector(TensorRTSession(engine, cuda_graphs=cuda_graphs), SCALE)
    first, second = detector(images)[0], detector(images)[0]
    assert len(expected)
    assert_agree(expected, first)
    assert_same(first, second)


def test_memory_of_pycuda_gives_the_same_bits_as_that_of_pytorch(
    engine: Path, photo: Callable[[str], UInt8Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pycuda.driver", reason="PyCUDA is not installed: pip install pycuda", exc_type=ImportError)
    images = [photo("coffee")]
    (expected,) = Detector(TensorRTSession(engine), SCALE)(images)
    monkeypatch.setattr(tensorrt_session, "gpu_here", PyCudaGpu)
    for cuda_graphs in (True, False):
        detector = Detector(TensorRTSession(engine, cuda_graphs=cuda_graphs), SCALE)
        for found in (detector(images)[0], detector(images)[0]):
            assert_same(expected, found)


def assert_same(expected: Detections, found: Detections) -> None:
    for name in ("boxes", "scores", "labels"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def assert_agree(expected: Detections, found: Detections) -> None:
    """As closely as a checkpoint and its graph have to: both run in FP32."""
    outside = match_detections(expected, found).outside(BOX_TOLERANCE, SCORE_TOLERANCE)
    assert outside <= EXCUSED_SHARE * len(expected)
