"""What an engine needs from a GPU besides TensorRT: memory, one stream, and CUDA graphs captured on it.

PyTorch gives it where PyTorch can use the GPU, else PyCUDA, which needs no PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from gridrt.errors import DependencyError, GridRTError


class Memory(Protocol):
    """An array in the GPU's memory."""

    @property
    def address(self) -> int:
        """Of its first byte, on the GPU."""

    @property
    def nbytes(self) -> int:
        """Its size."""

    def write(self, array: npt.NDArray[Any]) -> None:
        """Put a copy to it on the stream, where nothing is to use the one before any more.

        Args:
            array: of its shape and type; it may change afterwards.
        """

    def read(self) -> npt.NDArray[Any]:
        """Wait for the stream, and give a copy."""


class Gpu(Protocol):
    """The GPU that an engine runs on."""

    @property
    def compute_capability(self) -> tuple[int, int]:
        """Such as (9, 0)."""

    @property
    def stream(self) -> int:
        """Handle of the stream."""

    def on_stream(self) -> AbstractContextManager[object]:
        """Within it, this thread may use memory and stream."""

    def empty(self, shape: Sequence[int], dtype: npt.DTypeLike) -> Memory:
        """Memory that holds anything.

        Raises:
            GridRTError: there is not enough of it.
        """

    def captured(self, launch: Callable[[], None]) -> Callable[[], None]:
        """Record what `launch` puts on the stream, which it must have done once before; the result repeats it.

        Raises:
            RuntimeError: CUDA refuses.
        """


def gpu_here() -> Gpu:
    """The current GPU, by PyTorch where that can use it, else by PyCUDA.

    Raises:
        DependencyError: neither can.
    """
    problems = []
    for package, gpu in {"torch": _torch_gpu, "pycuda": _pycuda_gpu}.items():
        try:
            return gpu()
        except DependencyError as error:  # noqa: PERF203 - there are two of them
            problems.append(f"{package}: {error.value}")
        except (ImportError, OSError) as error:  # the driver, too, may be missing
            problems.append(f"{package}: {error}")
    raise DependencyError(
        "cannot run an engine: neither PyTorch nor PyCUDA can use an NVIDIA GPU",
        place="CUDA",
        value="; ".join(problems),
        remedy="On a machine with a GPU, install a torch with CUDA, or: pip install pycuda; see gridrt doctor. "
        "On a machine without one, run the ONNX file that the engine was built from.",
    )


def _torch_gpu() -> Gpu:
    from gridrt.runtime.pytorch_cuda.torch_gpu import TorchGpu

    return TorchGpu()


def _pycuda_gpu() -> Gpu:
    from gridrt.runtime.tensorrt.pycuda_gpu import PyCudaGpu

    return PyCudaGpu()


def out_of_memory(shape: Sequence[int], dtype: npt.DTypeLike) -> GridRTError:
    """The error for an array that the GPU's memory cannot hold."""
    return GridRTError(
        f"cannot allocate {math.prod(shape) * np.dtype(dtype).itemsize} bytes of GPU memory",
        place="CUDA",
        remedy="Build the engine for smaller batches: gridrt build-engine --batch --size.",
    )
