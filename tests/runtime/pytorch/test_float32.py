"""What is called float32 runs in float32, and the settings of the process stay."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build
from gridrt.runtime.pytorch.float32 import full_float32
from gridrt.runtime.pytorch.session import TorchSession, model_info
from gridrt.runtime.pytorch_cuda.graphs import TorchGraphs
from gridrt.runtime.pytorch_cuda.torch_gpu import TorchGpu
from tests.fake_gpu import FakeGpu

EXACT = ("ieee", "ieee", False)


def settings() -> tuple[str, str, bool]:
    matmul = torch.backends.cuda.matmul
    return (
        torch.backends.cudnn.conv.fp32_precision,  # type: ignore[attr-defined]
        matmul.fp32_precision,
        bool(matmul.allow_fp16_reduced_precision_reduction),
    )


def test_the_process_has_other_settings_and_has_them_again() -> None:
    before = settings()
    assert before != EXACT
    with full_float32():
        assert settings() == EXACT
    assert settings() == before


def test_they_stay_until_the_last_thread_is_out() -> None:
    before, meet = settings(), Barrier(2, timeout=30)

    def first() -> None:
        with full_float32():
            meet.wait()

    def second() -> tuple[str, str, bool]:
        with full_float32():
            meet.wait()
            leaves_first.result()
            return settings()

    with ThreadPoolExecutor(2) as threads:
        leaves_first = threads.submit(first)
        assert threads.submit(second).result() == EXACT
    assert settings() == before


class Recorder(torch.nn.Module):
    """In the place of a detector: notes the settings that it runs with."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, bool]] = []

    def forward(self, images: Tensor, _image_sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.found.append(settings())
        batch = len(images)
        return torch.zeros(batch, 1, 4), torch.zeros(batch, 1), torch.zeros(batch, 1, dtype=torch.int32)


def test_the_reference_runs_with_them() -> None:
    recorder, session = Recorder(), TorchSession(build("tiny"), "cpu")
    session.model = cast("GridRCNN", recorder)
    session.run(np.zeros((1, 32, 32, 3), np.uint8), np.array([[32, 32]], np.int32))
    assert recorder.found == [EXACT]


@pytest.mark.parametrize("cuda_graphs", [True, False])
def test_launches_captures_and_repeats_run_with_them(*, cuda_graphs: bool) -> None:
    recorder = Recorder()
    run = TorchGraphs(cast("TorchGpu", FakeGpu()), recorder, cuda_graphs=cuda_graphs)
    batch = np.zeros((1, 32, 32, 3), np.uint8), np.array([[32, 32]], np.int32)
    run(*batch)
    run.resident(*batch)()
    assert len(recorder.found) > 2
    assert set(recorder.found) == {EXACT}


def test_on_a_gpu_the_reference_tells_its_precision() -> None:
    model = build("tiny")
    assert model_info(model, None, device="cuda:0").backend == f"torch {torch.__version__} without TF32"
    assert model_info(model, None, device="cpu").backend == f"torch {torch.__version__}"
