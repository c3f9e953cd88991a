"""The part of TensorRT's Python module that plugins in Python touch, for machines without TensorRT."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
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

    def register_creator(self, creator: Any, namespace: str) -> bool:  # noqa: ANN401 - of any class
        assert creator.plugin_namespace == namespace
        self.all_creators.append(creator)
        return True


class _Names:
    """An enumeration whose members are their own names."""

    def __init__(self, *names: str) -> None:
        for name in names:
            setattr(self, name, name)


class _Interface:
    """A class of the bindings: its constructor has to run."""

    def __init__(self) -> None:
        self.constructed = {*getattr(self, "constructed", set()), "yes"}


def fake_tensorrt(name: str = "tensorrt", version: str = "11.4.0") -> Any:  # noqa: ANN401 - a module
    """A module of that name."""
    trt: Any = ModuleType(name)
    trt.__version__ = version
    for interface in ("IPluginV3", "IPluginV3OneCore", "IPluginV3OneBuild", "IPluginV3OneRuntime"):
        setattr(trt, interface, type(interface, (_Interface,), {}))
    trt.IPluginCreatorV3One = type("IPluginCreatorV3One", (_Interface,), {})
    trt.ILogger = type("ILogger", (_Interface,), {})
    trt.float32, trt.float16, trt.int32 = "float32", "float16", "int32"
    trt.DimsExprs, trt.PluginFieldCollection, trt.PluginField = list, list, PluginField
    trt.TensorFormat = _Names("LINEAR", "HWC", "HWC8", "CHW32")
    trt.PluginFieldType = _Names("INT32", "FLOAT32")
    trt.DimensionOperation = _Names("SUM", "SUB", "PROD", "FLOOR_DIV", "MAX", "MIN")
    trt.HardwareCompatibilityLevel = _Names("NONE", "AMPERE_PLUS")
    registry = Registry()
    trt.get_plugin_registry = lambda: registry
    return trt


def descriptions(tensors: Iterable[tuple[Sequence[int], str, str]]) -> list[Description]:
    """Of (dims, type, format) each."""
    return [Description(*tensor) for tensor in tensors]
