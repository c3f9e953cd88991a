"""The GPU by PyTorch: memory, one stream, and launches captured on it. It has not run on a GPU yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gridrt.errors import DependencyError
from gridrt.runtime.tensorrt.gpu import out_of_memory


class TorchGpu:
    """The current CUDA GPU.

    Attributes:
        compute_capability: such as (9, 0).
        device: which GPU it is.

    Raises:
        DependencyError: PyTorch cannot use one.
    """

    def __init__(self) -> None:
        if not torch.cuda.is_available():
            raise DependencyError(
                "PyTorch cannot use an NVIDIA GPU",
                place=f"torch {torch.__version__}",
                value="no usable GPU" if torch.version.cuda else "a build without CUDA",
                remedy="gridrt doctor shows what is missing.",
            )
        self.compute_capability: tuple[int, int] = torch.cuda.get_device_capability()
        self.device = torch.device("cuda", torch.cuda.current_device())
        self._stream = torch.cuda.Stream(self.device)
        # Graphs run one at a time, and results are copied before the next run: captures may share memory.
        self._pool = torch.cuda.graph_pool_handle()

    @property
    def stream(self) -> int:
        """Handle of the stream."""
        return int(self._stream.cuda_stream)

    def on_stream(self) -> AbstractContextManager[object]:
        """Within it, copies of tensors are put on the stream."""
        return torch.cuda.stream(self._stream)

    def empty(self, shape: Sequence[int], dtype: npt.DTypeLike) -> TorchMemory:
        """Uninitialised memory.

        Raises:
            GridRTError: there is not enough of it.
        """
        element = torch.from_numpy(np.empty(0, dtype)).dtype
        try:
            return TorchMemory(torch.empty(tuple(shape), dtype=element, device=self.device))
        except torch.OutOfMemoryError as error:
            raise out_of_memory(shape, dtype) from error

    def captured(self, launch: Callable[[], None]) -> Callable[[], None]:
        """Capture the launches of `launch`, which must have run once before; the result replays them.

        Raises:
            RuntimeError: CUDA cannot capture them.
        """
        graph = torch.cuda.CUDAGraph()
        # By thread, so that other threads may use the GPU meanwhile.
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
            launch()
        return graph.replay


@dataclass(frozen=True)
class TorchMemory:
    """A tensor, as `gridrt.runtime.tensorrt.gpu.Memory`."""

    tensor: Tensor

    @property
    def address(self) -> int:
        """Of its first byte, on the GPU."""
        return self.tensor.data_ptr()

    @property
    def nbytes(self) -> int:
        """Its size."""
        return self.tensor.nbytes

    def write(self, array: npt.NDArray[Any]) -> None:
        """Copy to it."""
        self.tensor.copy_(torch.from_numpy(array))

    def read(self) -> npt.NDArray[Any]:
        """Wait for the stream, and give a copy."""
        found: npt.NDArray[Any] = self.tensor.to("cpu", copy=True).numpy()
        return found
