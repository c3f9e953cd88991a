"""Attributes of a node as TensorRT's plugin fields, both ways.

TensorRT 10.8 to 10.15 give Python only the first number of a list, over and over, where NumPy 2 is installed (their
bindings are older). Such a list is read from the field's memory.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gridrt.plugins.contract import Attribute

if TYPE_CHECKING:
    import tensorrt


class _Kind(NamedTuple):
    """How a kind of attribute is stored: by its name in TensorRT, NumPy and C."""

    field_type: str
    element: Any
    in_memory: Any


_INTEGER = _Kind("INT32", np.int32, ctypes.c_int32)
_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {"int": _INTEGER, "ints": _INTEGER, "float": _Kind("FLOAT32", np.float32, ctypes.c_float)}
)


class _FieldInMemory(ctypes.Structure):
    """`nvinfer1::PluginField`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("type", ctypes.c_int32),
        ("length", ctypes.c_int32),
    )


def field_of(trt: ModuleType, constant: Attribute, value: object = ()) -> tensorrt.PluginField:
    """The field of an attribute; without a value it has only a name and a type."""
    kind = _KINDS[constant.kind]
    numbers = np.atleast_1d(np.asarray(value, kind.element))
    field: tensorrt.PluginField = trt.PluginField(constant.name, numbers, getattr(trt.PluginFieldType, kind.field_type))
    return field


def value_in(trt: ModuleType, constant: Attribute, field: tensorrt.PluginField) -> int | float | list[int]:
    """The value of a field, of the kind that the contract states."""
    numbers: Any = field.data  # an array
    if constant.kind == "ints":
        return [int(number) for number in (numbers if reads_lists(trt) else numbers_in_memory(constant, field))]
    return int(numbers[0]) if constant.kind == "int" else float(numbers[0])


def numbers_in_memory(constant: Attribute, field: tensorrt.PluginField) -> list[Any]:
    """The numbers of a field, read from the address that TensorRT's bindings keep behind the object's header."""
    address = ctypes.c_void_p.from_address(id(field) + object.__basicsize__).value
    if not address:
        return []
    there = _FieldInMemory.from_address(address)
    if not there.data:
        return []
    numbers = (_KINDS[constant.kind].in_memory * there.length).from_address(there.data)
    return list(numbers)


def reads_lists(trt: ModuleType) -> bool:
    """Whether these bindings read lists correctly."""
    probe = field_of(trt, Attribute("probe", "ints"), (1, 2))
    return [int(number) for number in probe.data] == [1, 2]
