"""The GPU by PyTorch: memory, one stream, and launches captured on it. It has not run on a GPU yet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from gridrt.errors import DependencyError, GridRTError


class TorchCuda:
    """The current CUDA GPU.

    Attributes:
        compute_capability: such as (9, 0).
        device: which GPU it is.

    Raises:
        DependencyError: PyTorch can use none.
    """

    def __init__(self) -> None:
        if not torch.cuda.is_available():
            found = "no GPU that it can use" if torch.version.cuda else "one built without CUDA"
            rule = f"this runs on an NVIDIA GPU, with memory of PyTorch's (here {torch.__version__})"
            remedy = "gridrt doctor tells what is missing."
            raise DependencyError(rule, place="CUDA", value=found, remedy=remedy)
        self.compute_capability: tuple[int, int] = torch.cuda.get_device_capability()
        self.device = torch.device("cuda", torch.cuda.current_device())
        self._stream = torch.cuda.Stream(self.device)
        # One at a time runs, and its results are copied before the next: recordings may share memory.
        self._pool = torch.cuda.graph_pool_handle()

    @property
    def stream(self) -> int:
        """Handle of the stream."""
        return int(self._stream.cuda_stream)

    def on_stream(self) -> AbstractContextManager[object]:
        """Within it, copies of tensors are put on the stream."""
        return torch.cuda.stream(self._stream)

    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Memory that holds anything.

        Raises:
            GridRTError: there is not enough of it.
        """
        try:
            return torch.empty(tuple(shape), dtype=dtype, device=self.device)
        except torch.OutOfMemoryError as error:
            rule, remedy = (
                "an engine has to fit into the GPU's memory",
                "Build it for smaller batches: --batch, --size.",
            )
            found = f"{math.prod(shape) * dtype.itemsize} bytes more than there are"
            raise GridRTError(rule, place="CUDA", value=found, remedy=remedy) from error

    def captured(self, launch: Callable[[], None]) -> Callable[[], None]:
        """Record what `launch` puts on the stream, which it must have done once before; the result repeats it."""
        graph = torch.cuda.CUDAGraph()
        # By thread: what other threads do with the GPU meanwhile does not matter.
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
            launch()
        return graph.replay
