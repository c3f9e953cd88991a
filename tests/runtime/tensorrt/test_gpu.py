"""PyTorch and PyCUDA give an engine the same memory and stream; the GPU is a stand-in."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch

from gridrt.errors import DependencyError, GridRTError
from gridrt.runtime.pytorch_cuda.torch_gpu import TorchGpu
from gridrt.runtime.tensorrt.gpu import gpu_here
from gridrt.runtime.tensorrt.pycuda_gpu import PyCudaGpu
from tests.fake_cuda import STREAM, FakeCuda, use_pycuda, use_torch


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32])
@pytest.mark.usefixtures("cuda")
def test_what_is_written_is_read_whatever_becomes_of_the_arrays(dtype: type[np.generic]) -> None:
    gpu = gpu_here()
    with gpu.on_stream():
        memory = gpu.empty((2, 3), dtype)
        array = np.arange(6).astype(dtype).reshape(2, 3)
        memory.write(array)
        array[:] = 9
        first = memory.read()
        memory.write(array)
        second = memory.read()
    np.testing.assert_array_equal(first, [[0, 1, 2], [3, 4, 5]], strict=False)
    np.testing.assert_array_equal(second, np.full((2, 3), 9, dtype), strict=True)
    assert (first.dtype, memory.nbytes) == (np.dtype(dtype), 6 * np.dtype(dtype).itemsize)


def test_reading_waits_for_what_was_put_on_the_stream_at_the_memorys_address(cuda: FakeCuda) -> None:
    gpu = gpu_here()
    with gpu.on_stream():
        memory = gpu.empty((4,), np.uint8)
        memory.write(np.zeros(4, np.uint8))
        cuda.submit(gpu.stream, partial(ctypes.memset, memory.address + 1, 5, 2))
        np.testing.assert_array_equal(memory.read(), [0, 5, 5, 0])


def test_a_recording_does_nothing_before_it_is_repeated(cuda: FakeCuda) -> None:
    gpu, done = gpu_here(), list[str]()
    with gpu.on_stream():
        replay = gpu.captured(lambda: cuda.submit(STREAM, partial(done.append, "launch")))
        cuda.wait()
        assert not done
        replay()
        replay()
        cuda.wait()
    assert (done, cuda.recorded, cuda.replayed) == (["launch"] * 2, 1, 2)


def test_a_recording_that_cuda_refuses_raises_and_the_stream_goes_on(cuda: FakeCuda) -> None:
    gpu, done = gpu_here(), list[str]()
    cuda.capture_error = "not permitted"
    with gpu.on_stream(), pytest.raises(RuntimeError, match="not permitted"):
        gpu.captured(lambda: None)
    cuda.submit(STREAM, partial(done.append, "launch"))
    cuda.wait()
    assert done


def test_what_does_not_fit_is_refused_with_its_size(cuda: FakeCuda) -> None:
    cuda.room = 100
    gpu = gpu_here()
    with gpu.on_stream():
        gpu.empty((100,), np.uint8)
        with pytest.raises(GridRTError, match=r"104 bytes"):
            gpu.empty((2, 13), np.float32)


def test_the_gpu_is_told_as_it_is(cuda: FakeCuda) -> None:
    cuda.compute_capability = (12, 0)
    assert (gpu_here().compute_capability, gpu_here().stream) == ((12, 0), STREAM)


def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "gridrt.runtime.pytorch_cuda.torch_gpu")


def torch_of_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)


def torch_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")


def test_pytorch_is_taken_where_both_can_use_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    use_torch(monkeypatch, FakeCuda())
    use_pycuda(monkeypatch, FakeCuda())
    assert isinstance(gpu_here(), TorchGpu)


@pytest.mark.parametrize("prepare", [without_torch, torch_of_the_cpu, torch_without_a_driver])
def test_pycuda_is_taken_where_pytorch_can_use_no_gpu(
    monkeypatch: pytest.MonkeyPatch, prepare: Callable[[pytest.MonkeyPatch], None]
) -> None:
    use_pycuda(monkeypatch, FakeCuda())
    prepare(monkeypatch)
    assert isinstance(gpu_here(), PyCudaGpu)


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (without_torch, "torch: import of torch halted"),
        (torch_of_the_cpu, "torch: a build without CUDA"),
        (torch_without_a_driver, "torch: no usable GPU"),
    ],
)
@pytest.mark.parametrize("pycuda_is_installed", [True, False])
def test_where_neither_can_both_reasons_and_remedies_are_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[pytest.MonkeyPatch], None],
    told: str,
    *,
    pycuda_is_installed: bool,
) -> None:
    cuda = FakeCuda()
    cuda.is_there = False
    use_pycuda(monkeypatch, cuda)
    if not pycuda_is_installed:
        monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    prepare(monkeypatch)
    reason = "cuInit failed: no CUDA-capable" if pycuda_is_installed else "import of pycuda.driver halted"
    with pytest.raises(
        DependencyError,
        match=rf"{told}.*; pycuda: {reason}.*pip install pycuda",
    ) as caught:
        gpu_here()
    assert "\n" not in str(caught.value)
