"""A GPU whose memory is the CPU's, and the modules by which GridRT uses it: torch.cuda, pycuda and cuda.bindings.

Its one stream does nothing before somebody waits for it, and nothing at all that is only being recorded.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from math import prod
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pytest
    import torch

STREAM = 77
SUCCESS = SimpleNamespace(name="CUDA_SUCCESS")


class FakeCuda:
    """The GPU.

    Attributes:
        compute_capability: as of a GPU.
        room: bytes that an allocation may have.
        is_there: whether there is a GPU at all.
        capture_error: what a recording ends with.
        recorded: how many recordings there were.
        replayed: how often one was repeated.
        current: how deep in contexts the threads are.
        freed: how many allocations were given back.
        executables: graphs that can be launched, and have not been destroyed.
    """

    def __init__(self) -> None:
        self.compute_capability, self.room, self.is_there = (8, 9), 1 << 20, True
        self.capture_error: str | None = None
        self.recorded = self.replayed = self.current = self.freed = 0
        self.executables: list[Sequence[Callable[[], object]]] = []
        self._queue: list[Callable[[], object]] = []
        self._recording: list[Callable[[], object]] | None = None

    def submit(self, stream: int, work: Callable[[], object]) -> None:
        """Put it on the stream."""
        assert stream == STREAM
        (self._queue if self._recording is None else self._recording).append(work)

    def wait(self) -> None:
        """For all that is on the stream."""
        while self._queue:
            self._queue.pop(0)()

    def begin(self) -> None:
        """Record from here on."""
        assert self._recording is None
        self._recording = []

    def end(self) -> Sequence[Callable[[], object]]:
        """What was recorded."""
        assert self._recording is not None
        works, self._recording = self._recording, None
        self.recorded += 1
        return works

    def replay(self, works: Sequence[Callable[[], object]]) -> None:
        """Put it on the stream again."""
        self.replayed += 1
        for work in works:
            self.submit(STREAM, work)


class _Allocation:
    """Memory, of the CPU for both sides; numpy arrays over it have it as their base."""

    def __init__(self, cuda: FakeCuda, shape: Sequence[int], dtype: Any) -> None:  # noqa: ANN401 - anything numpy takes
        assert cuda.current, "no context is current"
        self._cuda, kind = cuda, np.dtype(dtype)
        self._bytes = (ctypes.c_char * max(prod(shape) * kind.itemsize, 1))()
        self.address = ctypes.addressof(self._bytes)
        self.__array_interface__ = {
            "shape": tuple(shape),
            "typestr": kind.str,
            "data": (self.address, False),
            "version": 3,
        }

    def __int__(self) -> int:
        return self.address

    def free(self) -> None:
        assert self._cuda.current, "no context is current"
        self._cuda.freed += 1


def use_torch(monkeypatch: pytest.MonkeyPatch, cuda: FakeCuda) -> None:
    """PyTorch has the GPU."""
    import torch

    empty = torch.empty

    def on_gpu(shape: tuple[int, ...], *, dtype: torch.dtype, device: object) -> torch.Tensor:
        assert device == torch.device("cuda", 0)
        if prod(shape) * dtype.itemsize > cuda.room:
            raise torch.OutOfMemoryError
        return _Waiting(empty(shape, dtype=dtype), cuda)  # type: ignore[return-value]

    @contextmanager
    def recording(graph: Any, *, pool: str, stream: Any, capture_error_mode: str) -> Iterator[None]:  # noqa: ANN401 - stand-ins
        assert (pool, stream.cuda_stream, capture_error_mode) == ("pool", STREAM, "thread_local")
        cuda.begin()
        try:
            yield
        finally:
            works = cuda.end()
        if cuda.capture_error is not None:
            raise RuntimeError(cuda.capture_error)
        graph.replay = partial(cuda.replay, works)

    monkeypatch.setattr(torch, "empty", on_gpu)
    stand_ins = {
        "is_available": lambda: True,
        "get_device_capability": lambda: cuda.compute_capability,
        "current_device": lambda: 0,
        "Stream": lambda _device: SimpleNamespace(cuda_stream=STREAM),
        "stream": lambda _stream: nullcontext(),
        "graph_pool_handle": lambda: "pool",
        "CUDAGraph": SimpleNamespace,
        "graph": recording,
    }
    for name, stand_in in stand_ins.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)


class _Waiting:
    """A tensor of the GPU: copies from pageable memory, and all copies to the CPU, wait for the stream."""

    def __init__(self, tensor: Any, cuda: FakeCuda) -> None:  # noqa: ANN401 - a tensor
        self._tensor, self._cuda = tensor, cuda
        self.data_ptr, self.nbytes = tensor.data_ptr, tensor.nbytes

    def copy_(self, source: Any) -> None:  # noqa: ANN401 - a tensor
        self._cuda.wait()
        self._tensor.copy_(source)

    def to(self, device: str, *, copy: bool) -> Any:  # noqa: ANN401 - a tensor
        self._cuda.wait()
        return self._tensor.to(device, copy=copy)


def use_pycuda(monkeypatch: pytest.MonkeyPatch, cuda: FakeCuda) -> None:
    """PyCUDA has the GPU, and cuda-bindings are there."""
    drivers = {"pycuda.driver": _pycuda_driver(cuda), "cuda.bindings.driver": _bindings(cuda)}
    for name in ("pycuda", "pycuda.driver", "cuda", "cuda.core", "cuda.bindings", "cuda.bindings.driver"):
        module = drivers.get(name) or ModuleType(name)
        if name == "cuda.core":
            vars(module)["Program"] = None  # which tells version 1 from older ones
        monkeypatch.setitem(sys.modules, name, module)
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)


def _pycuda_driver(cuda: FakeCuda) -> ModuleType:
    driver: Any = ModuleType("pycuda.driver")
    driver.Error = type("Error", (Exception,), {})
    driver.MemoryError = type("MemoryError", (driver.Error,), {})

    def init() -> None:
        if not cuda.is_there:
            raise driver.Error("cuInit failed: no CUDA-capable device is detected")

    def mem_alloc(size: int) -> _Allocation:
        if size > cuda.room:
            raise driver.MemoryError
        return _Allocation(cuda, (size,), np.uint8)

    def put_copy(stream: Any, to: int, source: int, page_locked: Any) -> None:  # noqa: ANN401 - stand-ins
        assert cuda.current, "no context is current"
        assert isinstance(page_locked.base, _Allocation), "the memory of the CPU is not page-locked"
        cuda.submit(stream.handle, partial(ctypes.memmove, to, source, page_locked.nbytes))

    def shift(by: int) -> None:
        cuda.current += by

    def stream(flags: int) -> SimpleNamespace:
        assert cuda.current, "no context is current"
        assert flags == 1
        return SimpleNamespace(handle=STREAM, synchronize=cuda.wait)

    context = SimpleNamespace(push=partial(shift, 1), pop=partial(shift, -1), detach=lambda: None)
    driver.init, driver.mem_alloc, driver.Stream = init, mem_alloc, stream
    driver.Device = lambda _index: SimpleNamespace(
        compute_capability=lambda: cuda.compute_capability, retain_primary_context=lambda: context
    )
    driver.pagelocked_empty = lambda shape, dtype: np.asarray(_Allocation(cuda, shape, dtype))
    driver.memcpy_htod_async = lambda to, source, on: put_copy(on, to, source.ctypes.data, source)
    driver.memcpy_dtoh_async = lambda to, source, on: put_copy(on, to.ctypes.data, source, to)
    return driver  # type: ignore[no-any-return]


def _bindings(cuda: FakeCuda) -> ModuleType:
    driver: Any = ModuleType("cuda.bindings.driver")
    driver.CUresult = SimpleNamespace(CUDA_SUCCESS=SUCCESS)
    driver.CUstreamCaptureMode = SimpleNamespace(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL="thread_local")

    def begin(stream: int, mode: str) -> tuple[object]:
        assert (stream, mode) == (STREAM, "thread_local")
        cuda.begin()
        return (SUCCESS,)

    def end(stream: int) -> tuple[object, object]:
        assert stream == STREAM
        works = cuda.end()
        return (SUCCESS, works) if cuda.capture_error is None else (SimpleNamespace(name=cuda.capture_error), None)

    def instantiate(works: Sequence[Callable[[], object]], flags: int) -> tuple[object, object]:
        assert flags == 0
        cuda.executables.append(works)
        return SUCCESS, works

    def launch(works: Sequence[Callable[[], object]], stream: int) -> tuple[object]:
        assert stream == STREAM
        cuda.replay(works)
        return (SUCCESS,)

    driver.cuStreamBeginCapture, driver.cuStreamEndCapture = begin, end
    driver.cuGraphInstantiate, driver.cuGraphLaunch = instantiate, launch
    driver.cuGraphDestroy, driver.cuGraphExecDestroy = lambda _graph: None, cuda.executables.remove
    return driver  # type: ignore[no-any-return]
