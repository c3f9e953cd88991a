"""Limits of the kernels, checked in the graph: TensorRT would report them late and in other words, or run wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import onnx.shape_inference
from onnx import ModelProto, NodeProto, helper

from gridrt.errors import EngineError
from gridrt.plugins.contract import DOMAIN
from gridrt.plugins.kernel import Kernel
from gridrt.plugins.kernels import KERNELS
from gridrt.plugins.limits import first_broken

_OPEN = -1

_Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


def refuse_beyond_limits(model: ModelProto) -> None:
    """Refuse a graph with a custom op that its kernel does not support.

    Raises:
        EngineError: an attribute or a shape is beyond a limit.
    """
    kernels, shapes = {kernel.contract.name: kernel for kernel in KERNELS}, _known_shapes(model)
    for node in model.graph.node:
        if node.domain == DOMAIN:
            kernel = kernels[node.op_type]
            values = _values(node, kernel, shapes)
            if broken := first_broken(kernel.limits, values):
                raise EngineError(
                    f"an engine cannot run this node: {broken}",
                    place=node.name,
                    value=values[broken.name],
                    remedy="Only ONNX Runtime and PyTorch run such a model.",
                )


def _values(node: NodeProto, kernel: Kernel, shapes: _Shapes) -> dict[str, Any]:
    """Attributes and shapes of a node, by their names in the contract."""
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    inputs = zip(kernel.contract.inputs, node.input, strict=True)
    return attributes | {name: shapes[tensor] for name, tensor in inputs if tensor in shapes}


def _known_shapes(model: ModelProto) -> _Shapes:
    """Those of which all but the first dimension, the number of rows, is known."""
    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    found = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.value_info, *graph.input):
        sizes = value.type.tensor_type.shape.dim
        found[value.name] = tuple(size.dim_value if size.HasField("dim_value") else _OPEN for size in sizes)
    return {name: shape for name, shape in found.items() if _OPEN not in shape[1:]}
