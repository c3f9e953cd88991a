"""Define the ops with TensorRT's own bindings, and work launches out; it needs neither TensorRT nor a GPU.

    python definitions_on_cpu.py < cases.json

A process of its own, with libraries that do nothing in place of TensorRT's on LD_LIBRARY_PATH. A case is an op, with
attributes, shapes and a variant; the answer is what TensorRT would get, with plain numbers for its symbols.
"""

from __future__ import annotations

import importlib
import json
import operator
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from gridrt.errors import GridRTError
from gridrt.plugins.adapters.plugin_fields import field_of
from gridrt.plugins.aot.definitions import define_plugins
from gridrt.plugins.contract import DOMAIN, Attributes
from gridrt.plugins.kernel import Kernel, Variant
from gridrt.plugins.kernels import KERNELS

FIELDS = {"int": np.int32, "float": np.float32, "ints": np.int32}


def load_bindings() -> tuple[ModuleType, ModuleType]:
    """`tensorrt` and `tensorrt.plugin`, which call each other by these names."""
    trt = sys.modules["tensorrt"] = importlib.import_module("tensorrt_bindings")
    trtp = sys.modules["tensorrt.plugin"] = importlib.import_module("tensorrt_bindings.plugin")
    return trt, trtp


@dataclass
class Number:
    """A dimension that is known, where TensorRT has symbols."""

    value: int


class Builder:
    """What TensorRT combines symbols with."""

    def __init__(self, trt: ModuleType) -> None:
        kinds = trt.DimensionOperation
        self._operations: dict[object, Callable[[int, int], int]] = {
            kinds.SUM: operator.add,
            kinds.SUB: operator.sub,
            kinds.PROD: operator.mul,
            kinds.FLOOR_DIV: operator.floordiv,
            kinds.MAX: max,
            kinds.MIN: min,
        }

    def constant(self, value: int) -> Number:
        """As TensorRT's."""
        return Number(value)

    def operation(self, kind: object, left: Number, right: Number) -> Number:
        """As TensorRT's."""
        return Number(self._operations[kind](left.value, right.value))


class Session:
    """The definitions, asked as TensorRT asks them."""

    def __init__(self) -> None:
        self.trt, self.trtp = load_bindings()
        define_plugins(KERNELS, _named, lazily=True)
        self._library = importlib.import_module("tensorrt_bindings.plugin._lib")
        self._defined: Mapping[str, Any] = self._library.QDP_REGISTRY
        # Symbols are numbers from here on.
        vars(self.trt)["IDimensionExpr"] = Number
        self._symbol = importlib.import_module("tensorrt_bindings.plugin._tensor").SymIntExpr

    def answer(self, case: Mapping[str, Any]) -> dict[str, object]:
        """What TensorRT gets for a node, or why the node is refused."""
        try:
            return self._answer(case)
        except GridRTError as error:
            return {"refused": str(error)}

    def _answer(self, case: Mapping[str, Any]) -> dict[str, object]:
        kernel = next(kernel for kernel in KERNELS if kernel.contract.name == case["op"])
        defined = self._defined[kernel.contract.qualified_name]
        attributes = self._node(kernel, case["attributes"]).attrs
        variant = Variant(**case["variant"])
        self._symbol._exprBuilder = None  # types are asked for before there are shapes
        types = [output.dtype.name for output in defined.register_func(*self._inputs(kernel, variant), **attributes)]
        self._symbol._exprBuilder = Builder(self.trt)
        inputs = self._inputs(kernel, variant, case["shapes"])
        outputs = defined.register_func(*inputs, **attributes)
        for output in outputs:
            output.shape = [size._expr.value for size in output.shape_expr]
        found = [
            [[kind.name for kind in one.types], [layout.name for layout in one.layouts]]
            for combination in defined.autotune_func(*inputs, *attributes.values(), outputs)
            for one in combination._get_combinations()
        ]
        for tensor, output in zip(kernel.contract.output_tensors, outputs, strict=True):
            output.format = self._layout(variant, is_map=tensor.is_map)
        symbol, code, params, scalars = defined.aot_impl_func(*inputs, *attributes.values(), outputs, 0)
        return {
            "types": types,
            "shapes": [output.shape for output in outputs],
            "formats": found,
            "symbol": symbol,
            "code": code.decode(),
            "grid": [size._expr.value for size in (params.grid_x, params.grid_y, params.grid_z)],
            "block": [size._expr.value for size in (params.block_x, params.block_y, params.block_z)],
            "shared_memory": params.shared_mem._expr.value,
            "scalars": [scalar._expr.value for scalar in scalars],
        }

    def _node(self, kernel: Kernel, attributes: Attributes) -> Any:  # noqa: ANN401 - TensorRT's
        """What TensorRT's parser gets for a node that asks for a plugin ahead of time."""
        contract = kernel.contract
        types = {constant.name: (False, FIELDS[constant.kind]) for constant in contract.node_constants}
        creator = self._library._TemplatePluginCreator(contract.name, DOMAIN, types)
        fields = [field_of(self.trt, constant, attributes[constant.name]) for constant in contract.node_constants]
        collection = self.trt.PluginFieldCollection(fields)
        request = self.trt.QuickPluginCreationRequest.STRICT_AOT
        return creator.create_plugin(contract.name, DOMAIN, collection, self.trt.TensorRTPhase.BUILD, request)

    def _inputs(self, kernel: Kernel, variant: Variant, shapes: Mapping[str, Sequence[int]] | None = None) -> list[Any]:
        """Descriptions; without shapes, as when TensorRT asks for types alone."""
        described = []
        for tensor in kernel.contract.input_tensors:
            one = self.trtp.TensorDesc()
            one.dtype = getattr(self.trt, variant.feature_type if tensor.dtype == "feature" else tensor.dtype)
            one.format = self._layout(variant, is_map=tensor.is_map)
            if shapes is None:
                one.shape_expr = self.trtp.ShapeExprs(tensor.rank, _is_dummy=True)
            else:
                one.shape = shapes[tensor.name]
                one.shape_expr = self.trtp.ShapeExprs.from_tuple(
                    tuple(self.trtp.ShapeExpr(Number(size)) for size in shapes[tensor.name])
                )
            described.append(one)
        return described

    def _layout(self, variant: Variant, *, is_map: bool) -> object:
        formats = self.trt.TensorFormat
        if not (is_map and variant.channels_last):
            return formats.LINEAR
        return formats.HWC8 if variant.feature_type == "float16" else formats.HWC


def _named(kernel: Kernel, variant: Variant, attributes: Attributes) -> bytes:
    """In place of the code, what it is to be compiled with."""
    return " ".join(kernel.defines(variant, attributes)).encode()


if __name__ == "__main__":
    session = Session()
    sys.stdout.write(json.dumps([session.answer(case) for case in json.load(sys.stdin)]))
