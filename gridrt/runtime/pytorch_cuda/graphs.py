"""A PyTorch detector on one CUDA stream, with one CUDA graph for each shape of images.

Shapes: B images, H x W pixels, D detection rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import TypeAlias

import torch
from torch import Tensor

from gridrt.errors import GridRTError
from gridrt.runtime.pytorch.float32 import full_float32
from gridrt.runtime.pytorch_cuda.torch_gpu import TorchGpu
from gridrt.runtime.tensorrt.runner import MOST_GRAPHS
from gridrt.types import Int32Array, RawDetections, UInt8Array

Detect: TypeAlias = Callable[[Tensor, Tensor], Sequence[Tensor]]
"""Images uint8 [B, H, W, 3] and image sizes int32 [B, 2] to boxes, scores and labels, without a copy to the host."""


class TorchGraphs:
    """Detects in batches, one at a time, from any thread.

    Args:
        gpu: its memory and stream.
        detect: launches the detector.
        cuda_graphs: capture the launches of a shape when it first comes, for up to `MOST_GRAPHS` shapes; others are
            launched one by one each time.
    """

    def __init__(self, gpu: TorchGpu, detect: Detect, *, cuda_graphs: bool) -> None:
        self._gpu, self._detect = gpu, detect
        self._turn = Lock()  # threads share the stream, and the memory of graphs
        self._most = MOST_GRAPHS if cuda_graphs else 0
        self._graphs: dict[tuple[int, ...], _Graph] = {}

    def __call__(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """Detect in a batch; shapes as in `gridrt.runtime.backend.Session`.

        Raises:
            GridRTError: CUDA cannot capture the launches.
        """
        inputs = [torch.from_numpy(array) for array in (images, image_sizes)]
        with self._turn, self._gpu.on_stream(), torch.inference_mode(), full_float32():
            graph = self._graphs.get(images.shape)
            if graph is not None:
                return _on_host(graph(inputs))
            if len(self._graphs) == self._most:
                return _on_host(self._detect(*self._on_gpu(inputs)))
            with _cudnn_benchmark():
                # This compiles kernels and sets up libraries, which cannot be done during a capture.
                found = _on_host(self._detect(*self._on_gpu(inputs)))
                self._graphs[images.shape] = _Graph(self._gpu, self._detect, self._on_gpu(inputs))
            return found

    @property
    def stream(self) -> int:
        """Handle of the stream."""
        return self._gpu.stream

    def resident(self, images: UInt8Array, image_sizes: Int32Array) -> Callable[[], None]:
        """Detect in a batch and keep it on the GPU, for timings without copies.

        Returns:
            A function that puts the same work on the stream again without waiting; valid until the next batch.
        """
        self(images, image_sizes)
        graph = self._graphs.get(images.shape)
        inputs = [torch.from_numpy(array) for array in (images, image_sizes)]
        with self._gpu.on_stream():
            again = graph.replay if graph else partial(self._detect, *self._on_gpu(inputs))

        def launch() -> None:
            with self._gpu.on_stream(), torch.inference_mode(), full_float32():
                again()

        return launch

    def _on_gpu(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        return [tensor.to(self._gpu.device, copy=True) for tensor in inputs]


class _Graph:
    """The captured launches for batches of one shape.

    Args:
        gpu: as of `TorchGraphs`.
        detect: the same.
        inputs: memory for the inputs of every batch.

    Attributes:
        replay: puts all launches on the stream again.

    Raises:
        GridRTError: CUDA cannot capture the launches.
    """

    def __init__(self, gpu: TorchGpu, detect: Detect, inputs: Sequence[Tensor]) -> None:
        self._detect, self._inputs = detect, inputs
        self._outputs: Sequence[Tensor] = ()
        try:
            self.replay = gpu.captured(self._launch)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # PyTorch raises it for errors of CUDA
            raise GridRTError(
                "CUDA cannot capture the launches",
                value=error,
                remedy="Open it as TorchCudaSession(MODEL, cuda_graphs=False).",
            ) from error

    def __call__(self, inputs: Sequence[Tensor]) -> Sequence[Tensor]:
        """The outputs, in memory that the next batch overwrites."""
        for memory, values in zip(self._inputs, inputs, strict=True):
            memory.copy_(values)
        self.replay()
        return self._outputs

    def _launch(self) -> None:
        self._outputs = self._detect(*self._inputs)


def _on_host(outputs: Sequence[Tensor]) -> RawDetections:
    """Copies, which wait for the stream."""
    return RawDetections(*(output.cpu().numpy().copy() for output in outputs))


@contextmanager
def _cudnn_benchmark() -> Iterator[None]:
    """Have cuDNN time its convolution algorithms, which pays for shapes that come again."""
    before, torch.backends.cudnn.benchmark = torch.backends.cudnn.benchmark, True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
