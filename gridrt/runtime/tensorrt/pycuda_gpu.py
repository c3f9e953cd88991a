"""The GPU for an engine, by PyCUDA, where there is no PyTorch. It has not run on a GPU yet."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from gridrt.errors import DependencyError
from gridrt.runtime.cuda_graph import captured
from gridrt.runtime.tensorrt.gpu import out_of_memory

NON_BLOCKING = 1
"""CU_STREAM_NON_BLOCKING, which PyCUDA has no name for: a stream that does not wait for the default one."""


class PyCudaGpu:
    """The first GPU that CUDA shows, in its primary context, which TensorRT and plugins use, too.

    Attributes:
        compute_capability: such as (9, 0).
        stream: handle of the stream.

    Raises:
        ImportError: PyCUDA or the driver is missing.
        DependencyError: there is no GPU.
    """

    def __init__(self) -> None:
        import pycuda.driver

        self._cuda = pycuda.driver
        try:
            self._cuda.init()
            device = self._cuda.Device(0)
        except self._cuda.Error as error:
            raise DependencyError("PyCUDA cannot use the GPU", place="pycuda", value=error) from error
        self.compute_capability: tuple[int, int] = device.compute_capability()
        self._context = device.retain_primary_context()
        # When the process ends. Left to itself, PyCUDA would detach from this context as if it had created it.
        weakref.finalize(PyCudaGpu, self._context.detach)
        with self.on_stream():
            self._stream = self._cuda.Stream(NON_BLOCKING)
        self.stream = int(self._stream.handle)

    def on_stream(self) -> AbstractContextManager[None]:
        """Make the context current on this thread."""
        return _current(self._context)

    def empty(self, shape: Sequence[int], dtype: npt.DTypeLike) -> PyCudaMemory:
        """Memory that holds anything.

        Raises:
            GridRTError: there is not enough of it.
        """
        try:
            return PyCudaMemory(self._cuda, self._context, self._stream, shape, dtype)
        except self._cuda.MemoryError as error:
            raise out_of_memory(shape, dtype) from error

    def captured(self, launch: Callable[[], None]) -> Callable[[], None]:
        """Record what `launch` puts on the stream, which it must have done once before; the result repeats it.

        Raises:
            RuntimeError: CUDA refuses.
        """
        return captured(launch, self.stream)


class PyCudaMemory:
    """An array on the GPU, as `gridrt.runtime.tensorrt.gpu.Memory`.

    Args:
        cuda: the module `pycuda.driver`.
        context: PyCUDA's, current.
        stream: PyCUDA's, for copies.
        shape: of the array.
        dtype: of its elements.

    Attributes:
        address: of its first byte, on the GPU.
        nbytes: its size.
    """

    def __init__(self, cuda: Any, context: Any, stream: Any, shape: Sequence[int], dtype: npt.DTypeLike) -> None:  # noqa: ANN401 - PyCUDA has no types
        self._cuda, self._context, self._stream = cuda, context, stream
        self._shape, self._dtype = tuple(shape), np.dtype(dtype)
        self.nbytes = math.prod(self._shape) * self._dtype.itemsize
        self.address = int(self._owned(cuda.mem_alloc(self.nbytes)))

    @cached_property
    def _staging(self) -> npt.NDArray[Any]:
        """Page-locked memory of the CPU, without which no copy can be put on a stream."""
        staging: npt.NDArray[Any] = self._cuda.pagelocked_empty(self._shape, self._dtype)
        self._owned(staging.base)
        return staging

    def _owned(self, allocation: Any) -> Any:  # noqa: ANN401 - PyCUDA's
        """The same, freed with this object, whatever thread that is on."""
        weakref.finalize(self, _free, self._context, allocation)
        return allocation

    def write(self, array: npt.NDArray[Any]) -> None:
        """Put a copy to it on the stream, where nothing is to use the one before any more."""
        self._staging[...] = array
        self._cuda.memcpy_htod_async(self.address, self._staging, self._stream)

    def read(self) -> npt.NDArray[Any]:
        """Wait for the stream, and give a copy."""
        self._cuda.memcpy_dtoh_async(self._staging, self.address, self._stream)
        self._stream.synchronize()
        return np.array(self._staging)


@contextmanager
def _current(context: Any) -> Iterator[None]:  # noqa: ANN401 - PyCUDA's
    context.push()
    try:
        yield
    finally:
        context.pop()


def _free(context: Any, allocation: Any) -> None:  # noqa: ANN401 - PyCUDA's
    """By itself, PyCUDA frees memory on the thread alone that made the context."""
    with _current(context):
        allocation.free()
