"""Batches through a TensorRT engine, one at a time, on one stream.

Shapes: B images, H x W pixels, D detection rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from gridrt.errors import EngineError
from gridrt.types import Int32Array, RawDetections, UInt8Array

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    import tensorrt

    from gridrt.runtime.tensorrt_library import TensorRT

MOST_GRAPHS = 16
"""Shapes whose launches are kept: each has memory and a context of its own."""

_OUTPUTS: Mapping[str, torch.dtype] = {"boxes": torch.float32, "scores": torch.float32, "labels": torch.int32}


class Gpu(Protocol):
    """What a runner needs of a GPU: `TorchCuda`, and stand-ins in tests."""

    @property
    def stream(self) -> int:
        """Handle of the stream."""

    def on_stream(self) -> AbstractContextManager[object]:
        """Within it, copies of tensors are put on the stream."""

    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
        """Memory that holds anything."""

    def captured(self, launch: Callable[[], None]) -> Callable[[], None]:
        """Record what `launch` puts on the stream; the result repeats it."""


@dataclass(frozen=True)
class _Run:
    """All that batches of one shape need.

    Attributes:
        inputs: memory, by name.
        outputs: the same.
        launch: puts the engine's work on the stream.
    """

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    launch: Callable[[], None]

    def __call__(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        for name, array in {"images": images, "image_sizes": image_sizes}.items():
            self.inputs[name].copy_(torch.from_numpy(array))
        self.launch()
        # Copies wait for the stream; on a CPU they are the memory itself, which the next batch overwrites.
        return RawDetections(*(self.outputs[name].cpu().numpy().copy() for name in _OUTPUTS))


class EngineRunner:
    """Runs an engine, and keeps the launches of a shape as a CUDA graph.

    A context serves one shape for as long as its graph is kept, as TensorRT advises; they share their memory, since
    only one works at a time.

    Args:
        engine: deserialised.
        library: that it was deserialised with.
        gpu: its memory and stream.
        cuda_graphs: record the launches of a shape when it first comes, up to `MOST_GRAPHS` of them; shapes beyond are
            launched afresh each time.

    Raises:
        EngineError: TensorRT gives no context.
        GridRTError: there is not enough memory.
    """

    def __init__(self, engine: tensorrt.ICudaEngine, library: TensorRT, gpu: Gpu, *, cuda_graphs: bool) -> None:
        self._engine, self._library, self._gpu = engine, library, gpu
        self._graphs_left = MOST_GRAPHS if cuda_graphs else 0
        self._recorded: dict[tuple[int, ...], _Run] = {}
        with gpu.on_stream():
            self._memory = gpu.empty((max(engine.device_memory_size_v2, 1),), torch.uint8)
        self._unrecorded = self._new_context()

    def __call__(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """Detect in a batch.

        Args:
            images: uint8 [B, H, W, 3], of a shape that the engine takes.
            image_sizes: int32 [B, 2].

        Raises:
            EngineError: TensorRT cannot run it.
            GridRTError: there is not enough memory.
        """
        with self._gpu.on_stream():
            return self._detected(images, image_sizes)[1]

    @property
    def stream(self) -> int:
        """Handle of the stream."""
        return self._gpu.stream

    def resident(self, images: UInt8Array, image_sizes: Int32Array) -> Callable[[], None]:
        """Detect in a batch, as calling does, and keep it on the GPU, to be timed there.

        Returns:
            What puts the same work on the stream again, without copies and without waiting, until the next batch.
        """
        with self._gpu.on_stream():
            run, _ = self._detected(images, image_sizes)

        def launch() -> None:
            with self._gpu.on_stream():
                run.launch()

        return launch

    def _detected(self, images: UInt8Array, image_sizes: Int32Array) -> tuple[_Run, RawDetections]:
        run = self._recorded.get(images.shape)
        if run is not None:
            return run, run(images, image_sizes)
        records = self._graphs_left > 0
        run = self._prepared(self._new_context() if records else self._unrecorded, images.shape)
        found = run(images, image_sizes)  # kernels are compiled and loaded now, which a recording does not admit
        if records:
            run = self._recorded[images.shape] = replace(run, launch=self._record(run.launch))
            self._graphs_left -= 1
        return run, found

    def _new_context(self) -> tensorrt.IExecutionContext:
        strategy = self._library.trt.ExecutionContextAllocationStrategy.USER_MANAGED
        context = self._engine.create_execution_context(strategy)
        if context is None:
            raise self._failed("TensorRT makes a context for the engine")
        context.set_device_memory(self._memory.data_ptr(), self._memory.nbytes)
        return context

    def _prepared(self, context: tensorrt.IExecutionContext, shape: tuple[int, ...]) -> _Run:
        """Memory for a shape, and a context that knows of it."""
        batch, rows = shape[0], int(self._engine.get_tensor_shape("scores")[1])
        inputs = {
            "images": self._gpu.empty(shape, torch.uint8),
            "image_sizes": self._gpu.empty((batch, 2), torch.int32),
        }
        shapes = {"boxes": (batch, rows, 4), "scores": (batch, rows), "labels": (batch, rows)}
        outputs = {name: self._gpu.empty(shapes[name], dtype) for name, dtype in _OUTPUTS.items()}
        for name, tensor in inputs.items():
            self._require(context.set_input_shape(name, tuple(tensor.shape)), f"TensorRT takes the shape of {name}")
        for name, tensor in {**inputs, **outputs}.items():
            self._require(context.set_tensor_address(name, tensor.data_ptr()), f"TensorRT takes the memory of {name}")
        stream = self._gpu.stream
        return _Run(
            inputs, outputs, lambda: self._require(context.execute_async_v3(stream), "TensorRT runs the engine")
        )

    def _record(self, launch: Callable[[], None]) -> Callable[[], None]:
        try:
            return self._gpu.captured(launch)
        except RuntimeError as error:  # what PyTorch makes of CUDA's errors
            remedy = "Open it as TensorRTSession(FILE, cuda_graphs=False)."
            rule = "the launches of an engine become a CUDA graph"
            raise EngineError(rule, place=self._library.name, value=error, remedy=remedy) from error

    def _require(self, is_done: bool, rule: str) -> None:  # noqa: FBT001 - TensorRT's answer
        if not is_done:
            raise self._failed(rule)

    def _failed(self, rule: str) -> EngineError:
        found = "; ".join(self._library.log.errors) or None
        self._library.log.clear()
        return EngineError(rule, place=self._library.name, value=found)
