"""Half simulation: a graph in FP16 or BF16 as a device with that type computes it, on a processor without.

ONNX Runtime's CPU provider runs FP16 nodes in float32 without rounding between them, so its results are better than a
GPU's, and it has no nodes in BF16. Here every half tensor is float32, and is rounded to half and back:

    Conv (half) -> Conv (half)   becomes   Conv (float) -> Cast (half) -> Cast (float) -> Conv (float) -> ...

A runtime that fuses nodes rounds less often. Sums are in float32, within custom ops too, as in their kernels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx.helper
import onnx.numpy_helper
from onnx import ModelProto, NodeProto, TensorProto

from gridrt.graph.wiring import element_types, replace_nodes

FLOAT, HALVES = TensorProto.FLOAT, frozenset((TensorProto.FLOAT16, TensorProto.BFLOAT16))

EXACT_OPS = frozenset(("Concat", "MaxPool", "Relu", "Reshape", "Slice", "Transpose"))
"""Operators whose outputs are values of their inputs, or zeros: there is nothing to round."""


def half_simulation(model: ModelProto) -> ModelProto:
    """A copy of a graph that computes in float32 and rounds where FP16 or BF16 would."""
    copy = ModelProto()
    copy.CopyFrom(model)
    types = element_types(copy)
    replace_nodes(copy.graph, [each for node in list(copy.graph.node) for each in _rounding(node, types)])
    for tensor in copy.graph.initializer:
        if tensor.data_type in HALVES:
            values = onnx.numpy_helper.to_array(tensor).astype(np.float32)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    return copy


def has_half(model: ModelProto) -> bool:
    """Whether a graph has weights in FP16 or BF16, or casts to one of them."""
    casts = (each.i for node in model.graph.node if node.op_type == "Cast" for each in node.attribute)
    return not HALVES.isdisjoint((*casts, *(tensor.data_type for tensor in model.graph.initializer)))


def _rounding(node: NodeProto, types: dict[str, int]) -> Iterator[NodeProto]:
    """A node, followed by the rounding of each half tensor that it produces."""
    outputs = list(node.output)
    halves = {slot: types[name] for slot, name in enumerate(outputs) if types.get(name) in HALVES}
    if node.op_type in EXACT_OPS or not halves:
        yield node
        return
    if node.op_type == "Cast":
        yield from _to_half_and_back(node.input[0], node.output[0], halves[0])
        return
    for slot in halves:
        node.output[slot] = f"{outputs[slot]}/exact"
    yield node
    for slot, half in halves.items():
        yield from _to_half_and_back(f"{outputs[slot]}/exact", outputs[slot], half)


def _to_half_and_back(source: str, target: str, half: int) -> Iterator[NodeProto]:
    between = f"{target}/half"
    yield onnx.helper.make_node("Cast", [source], [between], name=f"{between}/Cast", to=half)
    yield onnx.helper.make_node("Cast", [between], [target], name=f"{target}/Cast", to=FLOAT)
