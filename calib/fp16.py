"""FP16 by types: tensors and weights between planned nodes are half, and casts stand where precisions meet.

Conv (float) -> Exp (float)   becomes   Conv (half) -> Cast -> Exp (float)
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import onnx.helper
import onnx.numpy_helper
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from gridrt.errors import GraphError
from gridrt.graph.wiring import drop_unused_weights, element_types, replace_nodes
from gridrt.plugins.grid_fusion.contract import GRID_FUSION
from gridrt.plugins.multi_level_roi_align.contract import MULTI_LEVEL_ROI_ALIGN

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16
LARGEST_HALF = float(np.finfo(np.float16).max)

# Operators that compute with floating-point numbers of any type, and give out the type that they take.
HALF_OPS = frozenset(
    (
        *("Add", "ArgMax", "Clip", "Concat", "Conv", "ConvTranspose", "Div", "Exp", "Gather", "GatherND", "Gemm"),
        *("InstanceNormalization", "MatMul", "MaxPool", "Mul", "ReduceMax", "ReduceSum", "Relu", "Reshape", "Resize"),
        *("Sigmoid", "Slice", "Softmax", "Sub", "Transpose", "Where"),
        *("QuantizeLinear", "DequantizeLinear"),
        *(GRID_FUSION.name, MULTI_LEVEL_ROI_ALIGN.name),
    )
)

# Inputs that are float32 also where the operator works in half: regions of interest, and factors of a resize.
FLOAT_SLOTS: dict[str, set[int]] = {
    contract.name: {slot for slot, tensor in enumerate(contract.input_tensors) if tensor.dtype == "float32"}
    for contract in (GRID_FUSION, MULTI_LEVEL_ROI_ALIGN)
} | {"Resize": {1, 2}}

ANY_TYPE_OP = "Shape"  # reads no numbers: a cast for it would convert a whole feature map in vain


def to_fp16(model: ModelProto, nodes: Collection[str]) -> None:
    """Rewrite `model`, in place, so that `nodes` run in FP16 and all others as before.

    Nodes that do not compute with floating-point numbers, and those of operators that have no half form, stay as they
    are. The graph's inputs and outputs keep their types.

    Raises:
        GraphError: a weight is too large for FP16.
    """
    types = element_types(model)
    halves = {node.name for node in model.graph.node if node.name in nodes and _can_be_half(node, types)}
    replace_nodes(model.graph, list(_Rewrite(model.graph, types, halves)))
    drop_unused_weights(model.graph)


def _can_be_half(node: NodeProto, types: dict[str, int]) -> bool:
    return node.op_type in HALF_OPS and any(types.get(name) == FLOAT for name in (*node.input, *node.output))


class _Rewrite:
    """The nodes of a graph with their types changed, and casts between them.

    Args:
        graph: nodes are changed and weights are added in place.
        types: of the tensors before the change.
        halves: names of the nodes that become half.
    """

    def __init__(self, graph: GraphProto, types: dict[str, int], halves: Collection[str]) -> None:
        self._graph, self._types, self._halves = graph, types, halves
        self._weights = {tensor.name: tensor for tensor in graph.initializer}
        self._outputs = {output.name for output in graph.output}
        self._half_tensors: set[str] = set()  # by the names of the old graph
        self._made: set[str] = set()  # casts and converted weights that are there already

    def __iter__(self) -> Iterator[NodeProto]:
        for node in list(self._graph.node):
            is_half = node.name in self._halves
            yield from self._feed(node, is_half=is_half)
            yield node
            if is_half:
                yield from self._release(node)

    def _feed(self, node: NodeProto, *, is_half: bool) -> Iterator[NodeProto]:
        """Let a node read its floating-point inputs in its own type."""
        for slot, name in enumerate(node.input):
            if self._types.get(name) != FLOAT or node.op_type == ANY_TYPE_OP:
                continue
            wants_half = is_half and slot not in FLOAT_SLOTS.get(node.op_type, ())
            if name in self._weights:
                if wants_half:
                    node.input[slot] = self._half_weight(name)
            elif wants_half != (name in self._half_tensors):
                node.input[slot] = f"{name}/{'fp16' if wants_half else 'fp32'}"
                yield from self._cast(name, node.input[slot], HALF if wants_half else FLOAT)

    def _cast(self, name: str, target: str, kind: int) -> Iterator[NodeProto]:
        if target not in self._made:
            self._made.add(target)
            yield onnx.helper.make_node("Cast", [name], [target], name=f"{target}/Cast", to=kind)

    def _half_weight(self, name: str) -> str:
        target = f"{name}/fp16"
        if target not in self._made:
            self._made.add(target)
            self._graph.initializer.append(_in_half(self._weights[name], target))
        return target

    def _release(self, node: NodeProto) -> Iterator[NodeProto]:
        """Note what a half node makes; what the graph gives out is cast back."""
        for slot, name in enumerate(node.output):
            if self._types.get(name) != FLOAT:
                continue
            if name in self._outputs:
                node.output[slot] = f"{name}/fp16"
                self._made.add(node.output[slot])
                yield onnx.helper.make_node("Cast", [node.output[slot]], [name], name=f"{name}/Cast", to=FLOAT)
            else:
                self._half_tensors.add(name)


def _in_half(tensor: TensorProto, name: str) -> TensorProto:
    values = onnx.numpy_helper.to_array(tensor)
    largest = float(np.abs(values).max(initial=0))
    if largest > LARGEST_HALF:
        raise GraphError(
            f"weights in FP16 are at most {LARGEST_HALF:.0f}",
            place=tensor.name,
            value=f"{largest:.3g}",
            remedy="Plan the nodes that read it in fp32, by a recipe of your own.",
        )
    return onnx.numpy_helper.from_array(values.astype(np.float16), name)
