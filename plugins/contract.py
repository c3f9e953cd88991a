"""The signature of a custom op, stated once: graph nodes, function bodies, kernels and tests all read it from here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from gridrt.plugins.sizes import Dim, Size

DOMAIN = "gridrt"
VERSION = 1

# Every type an ONNX attribute may have, as PyTorch's exporter declares it.
AttributeValue: TypeAlias = int | float | str | bool | Sequence[int] | Sequence[float] | Sequence[str] | Sequence[bool]
# The attributes of a node, by name, each of the kind that the contract states.
Attributes: TypeAlias = Mapping[str, Any]

FeatureType: TypeAlias = Literal["float32", "float16"]
# "feature" is the type that the op runs in, a `FeatureType`; the others are fixed.
ElementType: TypeAlias = Literal["feature", "float32", "int32"]


@dataclass(frozen=True)
class Input:
    """An input of an op.

    Attributes:
        name: unique within the op.
        dtype: of its elements.
        rank: number of dimensions.
        is_map: a feature map [N, C, H, W], which some kernels take with the channels last; others are contiguous.
    """

    name: str
    dtype: ElementType
    rank: int
    is_map: bool = False

    def dim(self, axis: int) -> Size:
        """Its dimension along an axis."""
        return Dim(self.name, axis)


@dataclass(frozen=True)
class Output:
    """An output of an op; see `Input`.

    Attributes:
        shape: computes the dimensions from a node's attributes.
    """

    name: str
    dtype: ElementType
    shape: Callable[[Attributes], tuple[Size, ...]]
    is_map: bool = False


@dataclass(frozen=True)
class Attribute:
    """A constant of a node: one number or a list of them."""

    name: str
    kind: Literal["int", "float", "ints"]


@dataclass(frozen=True)
class Tolerance:
    """The largest difference between an implementation and the definition: `absolute + relative * |expected|`."""

    absolute: float
    relative: float = 0.0


@dataclass(frozen=True)
class Contract:
    """The signature of a custom op.

    Attributes:
        name: op type in the domain `gridrt`.
        input_tensors: in order.
        output_tensors: in order.
        node_constants: the attributes; nodes also carry `plugin_namespace`, by which TensorRT finds the plugin.
        tolerances: for each type that the op runs in, against the definition in float32 on the same inputs.
    """

    name: str
    input_tensors: tuple[Input, ...]
    output_tensors: tuple[Output, ...]
    node_constants: tuple[Attribute, ...]
    tolerances: Mapping[FeatureType, Tolerance]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs, in order."""
        return tuple(tensor.name for tensor in self.input_tensors)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(tensor.name for tensor in self.output_tensors)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes, in order."""
        return tuple(constant.name for constant in self.node_constants)

    @property
    def qualified_name(self) -> str:
        """Domain and name, for the exporter: `gridrt::Name`."""
        return f"{DOMAIN}::{self.name}"

    @property
    def folder(self) -> Path:
        """The op's folder, which is its name in lower case: an op `AnOp` is in `an_op`."""
        return Path(__file__).parent / re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower()

    def node_attributes(self, **values: AttributeValue) -> dict[str, AttributeValue]:
        """The attributes of one node, complete: `values` must be exactly those of the contract."""
        if set(values) != set(self.attributes):
            raise TypeError(f"{self.name}: expected the attributes {self.attributes}, got {tuple(values)}")
        return {**values, "plugin_namespace": DOMAIN}
