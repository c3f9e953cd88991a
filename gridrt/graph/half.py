"""FP16 and BF16 by types: tensors and weights of planned nodes are half, with casts where precisions meet.

Conv (float) -> Exp (float)   becomes   Conv (half) -> Cast -> Exp (float)

No version of ONNX that GridRT writes has convolutions in BF16: a graph in BF16 is for OpenVINO, in memory, and no file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal, TypeAlias

import numpy as np
import onnx.helper
import onnx.numpy_helper
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from gridrt.errors import GraphError
from gridrt.graph.wiring import drop_unused_weights, element_types, replace_nodes
from gridrt.plugins.kernels import KERNELS

HalfPrecision: TypeAlias = Literal["fp16", "bf16"]
FLOAT = TensorProto.FLOAT
HALVES: Mapping[HalfPrecision, int] = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}
LARGEST_HALF = float(np.finfo(np.float16).max)
"""BF16 has the range of FP32."""
HALF_CONTRACTS = [kernel.contract for kernel in KERNELS if "float16" in kernel.contract.tolerances]
"""Custom ops that have a half form."""

# Operators that compute with floating-point numbers of any type, and whose output has the type of their input.
HALF_OPS = frozenset(
    (
        *("Add", "ArgMax", "Clip", "Concat", "Conv", "ConvTranspose", "Div", "Exp", "Gather", "GatherND", "Gemm"),
        *("InstanceNormalization", "MatMul", "MaxPool", "Mul", "ReduceMax", "ReduceSum", "Relu", "Reshape", "Resize"),
        *("Sigmoid", "Slice", "Softmax", "Sub", "Transpose", "Where"),
        *("QuantizeLinear", "DequantizeLinear"),
        *(contract.name for contract in HALF_CONTRACTS),
    )
)

# Inputs that stay float32 where the operator runs in half: regions of interest, and factors of a resize.
FLOAT_SLOTS: dict[str, set[int]] = {
    contract.name: {slot for slot, tensor in enumerate(contract.input_tensors) if tensor.dtype == "float32"}
    for contract in HALF_CONTRACTS
} | {"Resize": {1, 2}}

ANY_TYPE_OP = "Shape"  # does not read the values: a cast would convert a whole feature map for nothing


def to_half(model: ModelProto, nodes: Collection[str], precision: HalfPrecision) -> None:
    """Rewrite `model`, in place, so that `nodes` run in FP16 or BF16 and all others as before.

    Nodes that do not compute with floating-point numbers, or whose operator has no half form, stay as they are. The
    graph's inputs and outputs keep their types.

    Raises:
        GraphError: a weight is too large for FP16.
    """
    types = element_types(model)
    halves = {
        node.name
        for node in model.graph.node
        if node.name in nodes and node.op_type in HALF_OPS and FLOAT in map(types.get, (*node.input, *node.output))
    }
    rewrite = _Rewrite(model.graph, types, halves, precision)
    replace_nodes(model.graph, list(rewrite))
    drop_unused_weights(model.graph)
    if precision == "bf16":  # of which inference knows no convolution
        notes = (onnx.helper.make_tensor_value_info(name, HALVES[precision], None) for name in rewrite.half_tensors)
        model.graph.value_info.extend(notes)


class _Rewrite:
    """The nodes of a graph with their types changed, and casts between them.

    Args:
        graph: nodes are changed and weights are added in place.
        types: of the tensors before the change.
        halves: names of the nodes that become half.
        precision: that they become.

    Attributes:
        half_tensors: names of the tensors that have become half, in the order of their nodes; known once it is read.
    """

    def __init__(
        self, graph: GraphProto, types: dict[str, int], halves: Collection[str], precision: HalfPrecision
    ) -> None:
        self._graph, self._types, self._halves, self._precision = graph, types, halves, precision
        self._weights = {tensor.name: tensor for tensor in graph.initializer}
        self._outputs = {output.name for output in graph.output}
        self.half_tensors: dict[str, None] = {}  # by the names of the old graph
        self._made: set[str] = set()  # casts and converted weights that exist already

    def __iter__(self) -> Iterator[NodeProto]:
        for node in list(self._graph.node):
            is_half = node.name in self._halves
            yield from self._feed(node, is_half=is_half)
            yield node
            if is_half:
                yield from self._release(node)

    def _feed(self, node: NodeProto, *, is_half: bool) -> Iterator[NodeProto]:
        """Give a node its floating-point inputs in its own type."""
        for slot, name in enumerate(node.input):
            if self._types.get(name) != FLOAT or node.op_type == ANY_TYPE_OP:
                continue
            wants_half = is_half and slot not in FLOAT_SLOTS.get(node.op_type, ())
            if name in self._weights:
                if wants_half:
                    node.input[slot] = f"{name}/{self._precision}"
                    self._store_half(name)
            elif wants_half != (name in self.half_tensors):
                node.input[slot] = f"{name}/{self._precision if wants_half else 'fp32'}"
                if (target := node.input[slot]) not in self._made:
                    self._made.add(target)
                    kind = HALVES[self._precision] if wants_half else FLOAT
                    yield onnx.helper.make_node("Cast", [name], [target], name=f"{target}/Cast", to=kind)

    def _store_half(self, name: str) -> None:
        """Add a weight in half, once."""
        target = f"{name}/{self._precision}"
        if target in self._made:
            return
        self._made.add(target)
        values = onnx.numpy_helper.to_array(self._weights[name])
        largest = float(np.abs(values).max(initial=0))
        if self._precision == "fp16" and largest > LARGEST_HALF:
            raise GraphError(
                f"weights in FP16 must be at most {LARGEST_HALF:.0f}",
                place=name,
                value=f"{largest:.3g}",
                remedy="Plan the nodes that read it in fp32, by a recipe of your own.",
            )
        dtype = onnx.helper.tensor_dtype_to_np_dtype(HALVES[self._precision])
        self._graph.initializer.append(onnx.numpy_helper.from_array(values.astype(dtype), target))

    def _release(self, node: NodeProto) -> Iterator[NodeProto]:
        """Note the outputs of a half node; outputs of the graph are cast back."""
        for slot, name in enumerate(node.output):
            if self._types.get(name) != FLOAT:
                continue
            if name in self._outputs:
                node.output[slot] = f"{name}/{self._precision}"
                self._made.add(node.output[slot])
                yield onnx.helper.make_node("Cast", [node.output[slot]], [name], name=f"{name}/Cast", to=FLOAT)
            else:
                self.half_tensors[name] = None
