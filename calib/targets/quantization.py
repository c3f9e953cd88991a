"""What all targets know of quantised nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import onnx.helper
from onnx import NodeProto

from gridrt.graph.wiring import Edge, Wiring

Readers: TypeAlias = Sequence[Edge]
WEIGHTED_OPS = ("Conv", "Gemm")
INT8_OPS = (*WEIGHTED_OPS, "Add", "MaxPool", "Resize")
"""Operators that some target runs in INT8."""
ACTIVATION, WEIGHT, BIAS = 0, 1, 2
"""Inputs of those operators."""


class ActivationScheme(NamedTuple):
    """How an activation is represented.

    Attributes:
        scale: what the integer 1 stands for.
        zero_point: the integer that stands for 0; its type is that of the integers.
    """

    scale: np.float32
    zero_point: np.int8 | np.uint8


def weighted_nodes(wiring: Wiring, int8_nodes: frozenset[str]) -> list[NodeProto]:
    """The nodes among those planned in INT8 that multiply activations with a stored weight, in the graph's order."""
    nodes = (node for node in wiring.nodes.values() if node.name in int8_nodes)
    return [node for node in nodes if node.op_type in WEIGHTED_OPS and node.input[WEIGHT] in wiring.weights]


def channel_axis(node: NodeProto) -> int:
    """The axis of a weight that counts output channels."""
    if node.op_type == "Conv":
        return 0
    transposed = onnx.helper.get_node_attr_value(node, "transB") if _has(node, "transB") else 0
    return 0 if transposed else 1


def _has(node: NodeProto, name: str) -> bool:
    return any(attribute.name == name for attribute in node.attribute)
