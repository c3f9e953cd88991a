"""The part of TensorRT's Python module that plugins in Python and sessions touch, for machines without TensorRT."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from types import ModuleType
from typing import Any

import numpy as np


@dataclass
class Description:
    """A tensor as TensorRT describes it to a plugin."""

    dims: Sequence[int]
    type: str = "float32"
    format: str = "LINEAR"

    @property
    def desc(self) -> Description:
        """While an engine is built, the description is wrapped once more."""
        return self


class PluginField:
    """Keeps its numbers; `broken` ones give the first over and over, as some of TensorRT's versions do."""

    broken = False

    def __init__(self, name: str, data: Any = (), kind: str = "") -> None:  # noqa: ANN401 - any buffer
        self.name, self.type, self._data = name, kind, np.asarray(data)

    @property
    def data(self) -> Any:  # noqa: ANN401 - an array
        """The numbers."""
        return np.full_like(self._data, self._data[0]) if self.broken and self._data.size else self._data


class Builder:
    """Of expressions over dimensions, which are plain numbers here."""

    def constant(self, number: int) -> int:
        return number

    def operation(self, operation: str, left: int, right: int) -> int:
        numbers = {"SUM": left + right, "SUB": left - right, "PROD": left * right, "MAX": max(left, right)}
        numbers |= {"MIN": min(left, right), "FLOOR_DIV": left // max(right, 1)}
        return numbers[operation]


@dataclass
class Registry:
    """Of creators."""

    all_creators: list[Any] = field(default_factory=list)
    libraries: dict[str, list[Any]] = field(default_factory=dict)
    """Creators in each library that there is."""

    def register_creator(self, creator: Any, namespace: str) -> bool:  # noqa: ANN401 - of any class
        assert creator.plugin_namespace == namespace
        self.all_creators.append(creator)
        return True

    def load_library(self, path: str) -> str | None:
        self.all_creators.extend(self.libraries.get(path, []))
        return path if path in self.libraries else None

    def deregister_library(self, path: str) -> None:
        for creator in self.libraries[path]:
            self.all_creators.remove(creator)


class _Names:
    """An enumeration whose members are their own names."""

    def __init__(self, *names: str) -> None:
        for name in names:
            setattr(self, name, name)


class _Interface:
    """A class of the bindings: its constructor has to run."""

    def __init__(self) -> None:
        self.constructed = {*getattr(self, "constructed", set()), "yes"}


ROWS = 3
"""Of detections that a fake engine gives; the last one is unused."""

LAYERS = ("backbone.conv1/Conv_myl0_1", "__myl_Topk_myl0_2")
"""Of a fake engine; each takes its number times the number of the run, in milliseconds."""


class Inspector:
    """Tells the layers of a fake engine."""

    def get_engine_information(self, form: str) -> str:
        assert form == "ONELINE"
        nodes = ("backbone.conv1/Conv", "ArgMax")
        lines = [
            f"Name: {layer}, LayerType: any, Inputs: [], Outputs: [], Metadata: [ONNX Layer: {node}]"
            for layer, node in zip(LAYERS, nodes, strict=True)
        ]
        return "\n".join((*lines, "Engine Metadata:"))


class Context:
    """Finds each image's size, and its brightest pixel as the score, in memory of the CPU."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.addresses: dict[str, int] = {}
        self.memory = (0, 0)
        self.profiler: Any = None

    def set_device_memory(self, address: int, size: int) -> None:
        self.memory = (address, size)

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self.shapes[name] = shape
        return not self.engine.refuses_shapes

    def set_tensor_address(self, name: str, address: int) -> bool:
        self.addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        self.engine.streams.append(stream)
        # As they are now: what is set later is for later launches.
        label = partial(getattr, self.engine, "label")
        self.engine.put(stream, partial(_detect, weakref.ref(self), dict(self.shapes), dict(self.addresses), label))
        if self.profiler is not None:
            self.engine.profiled.append((self.shapes["images"], self.profiler))
            for number, layer in enumerate(LAYERS):
                self.profiler.report_layer_time(layer, (number + 1) * len(self.engine.streams))
        return not self.engine.fails


def _detect(
    context: Callable[[], Context | None],
    shapes: Mapping[str, tuple[int, ...]],
    addresses: Mapping[str, int],
    label: Callable[[], int],
) -> None:
    assert context() is not None, "what was launched has lost its context, which owns memory and kernels"

    def array(name: str, dtype: Any, shape: tuple[int, ...]) -> Any:  # noqa: ANN401 - a type, an array
        memory = (ctypes.c_char * (prod(shape) * np.dtype(dtype).itemsize)).from_address(addresses[name])
        return np.frombuffer(memory, dtype).reshape(shape)

    batch = shapes["images"][0]
    images = array("images", np.uint8, shapes["images"])
    sizes = array("image_sizes", np.int32, shapes["image_sizes"])
    boxes = array("boxes", np.float32, (batch, ROWS, 4))
    boxes[:] = 0
    boxes[:, :-1, 2:] = sizes[:, None, ::-1]
    scores = array("scores", np.float32, (batch, ROWS))
    scores[:] = images.max((1, 2, 3))[:, None] / 255
    scores[:, -1] = 0
    array("labels", np.int32, (batch, ROWS))[:] = (label(), 0, -1)


class Engine:
    """Of the graph's contract, on the CPU.

    Args:
        put: puts work on the stream of a handle.
    """

    device_memory_size_v2 = 100

    def __init__(self, put: Callable[[int, Callable[[], object]], object]) -> None:
        self.put = put
        self._contexts: list[weakref.ref[Context]] = []
        self.streams: list[int] = []
        self.profiled: list[tuple[tuple[int, ...], Any]] = []  # shape and profiler of each such run
        self.refuses_shapes = self.fails = False
        self.label = 1

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return {"boxes": (-1, ROWS, 4), "scores": (-1, ROWS), "labels": (-1, ROWS)}[name]

    def create_engine_inspector(self) -> Inspector:
        return Inspector()

    def create_execution_context(self, strategy: str) -> Context:
        assert strategy == "USER_MANAGED"
        context = Context(self)
        self._contexts.append(weakref.ref(context))
        return context

    @property
    def contexts(self) -> list[Context]:
        """Those that live: whoever runs an engine keeps them."""
        return [context for each in self._contexts if (context := each()) is not None]


class Runtime:
    """Takes the bytes `engine`."""

    def __init__(self, put: Callable[[int, Callable[[], object]], object], log: Any) -> None:  # noqa: ANN401 - of the bindings
        self._put, self._log = put, log

    def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
        if plan == b"engine":
            return Engine(self._put)
        self._log.errors.append("a header that is none")
        return None


def fake_tensorrt(
    name: str = "tensorrt",
    version: str = "11.4.0",
    put: Callable[[int, Callable[[], object]], object] = lambda _stream, work: work(),
) -> Any:  # noqa: ANN401 - a module
    """A module of that name, whose engines `put` their work on a stream."""
    trt: Any = ModuleType(name)
    trt.__version__ = version
    for interface in ("IPluginV3", "IPluginV3OneCore", "IPluginV3OneBuild", "IPluginV3OneRuntime"):
        setattr(trt, interface, type(interface, (_Interface,), {}))
    trt.IPluginCreatorV3One = type("IPluginCreatorV3One", (_Interface,), {})
    trt.IProfiler = type("IProfiler", (_Interface,), {})
    trt.LayerInformationFormat = _Names("ONELINE")
    trt.ILogger = type("ILogger", (_Interface,), {})
    trt.float32, trt.float16, trt.int32 = "float32", "float16", "int32"
    trt.DimsExprs, trt.PluginFieldCollection, trt.PluginField = list, list, PluginField
    trt.TensorFormat = _Names("LINEAR", "HWC", "HWC8", "CHW32")
    trt.PluginFieldType = _Names("INT32", "FLOAT32")
    trt.DimensionOperation = _Names("SUM", "SUB", "PROD", "FLOOR_DIV", "MAX", "MIN")
    trt.HardwareCompatibilityLevel = _Names("NONE", "AMPERE_PLUS")
    trt.ExecutionContextAllocationStrategy = _Names("USER_MANAGED")
    trt.Runtime = partial(Runtime, put)
    registry = Registry()
    trt.get_plugin_registry = lambda: registry
    return trt


def descriptions(tensors: Iterable[tuple[Sequence[int], str, str]]) -> list[Description]:
    """Of (dims, type, format) each."""
    return [Description(*tensor) for tensor in tensors]
