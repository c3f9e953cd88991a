"""The GPU by PyTorch, where PyTorch's calls are stand-ins."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gridrt.errors import DependencyError, GridRTError
from gridrt.runtime.pytorch_cuda.torch_gpu import TorchGpu


@pytest.fixture
def captures(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A machine with two GPUs, the second in use; what is said of each recording."""
    made: list[dict[str, Any]] = []

    def graph(recording: object, **options: object) -> nullcontext[None]:
        made.append({"recording": recording, **options})
        return nullcontext()

    stand_ins = {
        "is_available": lambda: True,
        "get_device_capability": lambda: (9, 0),
        "current_device": lambda: 1,
        "Stream": lambda device: SimpleNamespace(cuda_stream=77, device=device),
        "graph_pool_handle": lambda: "pool",
        "CUDAGraph": lambda: SimpleNamespace(replay=lambda: None),
        "graph": graph,
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    return made


@pytest.mark.usefixtures("captures")
def test_it_is_the_current_gpu_with_a_stream_of_its_own() -> None:
    gpu = TorchGpu()
    assert (gpu.device, gpu.compute_capability, gpu.stream) == (torch.device("cuda:1"), (9, 0), 77)


def test_recordings_are_made_on_its_stream_and_share_their_memory(captures: list[dict[str, Any]]) -> None:
    gpu = TorchGpu()
    launched: list[None] = []
    repeats = [gpu.captured(lambda: launched.append(None)) for _ in range(2)]
    assert len(launched) == 2
    assert [capture["stream"].cuda_stream for capture in captures] == [77, 77]
    assert [capture["pool"] for capture in captures] == ["pool", "pool"]
    assert {capture["capture_error_mode"] for capture in captures} == {"thread_local"}
    assert repeats == [capture["recording"].replay for capture in captures]


@pytest.mark.usefixtures("captures")
def test_want_of_memory_is_an_error_that_tells_how_much(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_arguments: object, **_options: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    gpu = TorchGpu()
    monkeypatch.setattr(torch, "empty", no_memory)
    with pytest.raises(GridRTError, match="cannot allocate 24 bytes"):
        gpu.empty((2, 3), "float32")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_one_line_says_so() -> None:
    with pytest.raises(DependencyError, match=r"PyTorch .*gridrt doctor") as caught:
        TorchGpu()
    assert "\n" not in str(caught.value)
