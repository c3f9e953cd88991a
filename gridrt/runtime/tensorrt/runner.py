"""Batches through a TensorRT engine, one at a time, whatever thread they come from, on one stream.

Shapes: B images, H x W pixels, D detection rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, cast

import numpy as np

from gridrt.errors import EngineError
from gridrt.plugins.adapters.bindings import joined
from gridrt.runtime.tensorrt.gpu import Gpu, Memory
from gridrt.runtime.tensorrt.layer_times import LayerTime, LayerTimes
from gridrt.types import Int32Array, RawDetections, UInt8Array

if TYPE_CHECKING:
    import tensorrt

    from gridrt.runtime.tensorrt.library import TensorRT

MOST_GRAPHS = 16
"""Shapes whose launches are kept: each has memory and a context of its own."""


@dataclass(frozen=True)
class _Run:
    """All that batches of one shape need.

    Attributes:
        context: of the engine; kept, since a recording of its launches uses memory and kernels that it owns.
        inputs: memory, by name.
        outputs: the same.
        launch: puts the engine's work on the stream.
    """

    context: tensorrt.IExecutionContext
    inputs: Mapping[str, Memory]
    outputs: Mapping[str, Memory]
    launch: Callable[[], None]

    def __call__(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        self.inputs["images"].write(images)
        self.inputs["image_sizes"].write(image_sizes)
        self.launch()
        return RawDetections(**{name: memory.read() for name, memory in self.outputs.items()})


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
        self._turn = Lock()  # threads share the stream, the memory and the log
        self._graphs_left = MOST_GRAPHS if cuda_graphs else 0
        self._recorded: dict[tuple[int, ...], _Run] = {}
        with gpu.on_stream():
            self._memory = gpu.empty((max(engine.device_memory_size_v2, 1),), np.uint8)
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
        with self._turn, self._gpu.on_stream():
            return self._detect(images, image_sizes)[1]

    @property
    def stream(self) -> int:
        """Handle of the stream."""
        return self._gpu.stream

    def resident(self, images: UInt8Array, image_sizes: Int32Array) -> Callable[[], None]:
        """Detect in a batch, as calling does, and keep it on the GPU, to be timed there.

        Returns:
            What puts the same work on the stream again, without copies and without waiting, until the next batch.
        """
        with self._turn, self._gpu.on_stream():
            run, _ = self._detect(images, image_sizes)

        def launch() -> None:
            with self._gpu.on_stream():
                run.launch()

        return launch

    def _detect(self, images: UInt8Array, image_sizes: Int32Array) -> tuple[_Run, RawDetections]:
        run = self._recorded.get(images.shape)
        if run is not None:
            return run, run(images, image_sizes)
        records = self._graphs_left > 0
        run = self._prepare(self._new_context() if records else self._unrecorded, images.shape)
        found = run(images, image_sizes)  # kernels are compiled and loaded now, which a recording does not admit
        if records:
            run = self._recorded[images.shape] = replace(run, launch=self._record(run.launch))
            self._graphs_left -= 1
        return run, found

    @property
    def layers(self) -> str:
        """The engine's layers, one a line, as its inspector tells them."""
        text: str = self._engine.create_engine_inspector().get_engine_information(
            self._library.trt.LayerInformationFormat.ONELINE
        )
        return text

    def layer_times(self, images: UInt8Array, image_sizes: Int32Array, *, runs: int) -> list[list[LayerTime]]:
        """What every layer takes in each of some runs, launched afresh; their sum is more than a run takes otherwise.

        Args:
            images: as in a call.
            image_sizes: the same.
            runs: the first one also compiles and loads kernels.

        Raises:
            EngineError: TensorRT cannot run it.
            GridRTError: there is not enough memory.
        """
        profiler = joined(LayerTimes, self._library.trt.IProfiler)()
        with self._turn, self._gpu.on_stream():
            context = self._new_context()
            # From now on TensorRT waits for each run, and reports. The object is both of its classes.
            context.profiler = cast("tensorrt.IProfiler", profiler)
            run = self._prepare(context, images.shape)
            return [profiler.reported_during(lambda: run(images, image_sizes)) for _ in range(runs)]

    def _new_context(self) -> tensorrt.IExecutionContext:
        strategy = self._library.trt.ExecutionContextAllocationStrategy.USER_MANAGED
        context = self._engine.create_execution_context(strategy)
        if context is None:
            raise EngineError(
                "TensorRT failed to create an execution context", place=self._library.name, value=self._logged()
            )
        context.set_device_memory(self._memory.address, self._memory.nbytes)
        return context

    def _prepare(self, context: tensorrt.IExecutionContext, shape: tuple[int, ...]) -> _Run:
        """Memory for a shape, and a context that knows of it."""
        batch, rows = shape[0], int(self._engine.get_tensor_shape("scores")[1])
        shapes = {"images": shape, "image_sizes": (batch, 2)}
        inputs = {"images": self._gpu.empty(shape, np.uint8), "image_sizes": self._gpu.empty((batch, 2), np.int32)}
        outputs = {
            "boxes": self._gpu.empty((batch, rows, 4), np.float32),
            "scores": self._gpu.empty((batch, rows), np.float32),
            "labels": self._gpu.empty((batch, rows), np.int32),
        }
        for name, dimensions in shapes.items():
            if not context.set_input_shape(name, dimensions):
                raise EngineError(
                    f"TensorRT failed to take the shape of {name}", place=self._library.name, value=self._logged()
                )
        for name, memory in {**inputs, **outputs}.items():
            if not context.set_tensor_address(name, memory.address):
                raise EngineError(
                    f"TensorRT failed to take the memory of {name}", place=self._library.name, value=self._logged()
                )
        stream = self._gpu.stream

        def launch() -> None:
            if not context.execute_async_v3(stream):
                raise EngineError("TensorRT failed to run the engine", place=self._library.name, value=self._logged())

        return _Run(context, inputs, outputs, launch)

    def _record(self, launch: Callable[[], None]) -> Callable[[], None]:
        try:
            return self._gpu.captured(launch)
        except RuntimeError as error:
            raise EngineError(
                "cannot capture the launches of the engine in a CUDA graph",
                place=self._library.name,
                value=error,
                remedy="Open it as TensorRTSession(FILE, cuda_graphs=False).",
            ) from error

    def _logged(self) -> str | None:
        """The errors that TensorRT logged, which are then forgotten."""
        found = "; ".join(self._library.log.errors) or None
        self._library.log.clear()
        return found
