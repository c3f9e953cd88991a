"""What all targets share: which nodes and inputs can be quantised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from onnx import NodeProto

from gridrt.graph.wiring import Edge, Wiring

Edges: TypeAlias = Sequence[Edge]
WEIGHTED_OPS = ("Conv", "Gemm")
INT8_OPS = (*WEIGHTED_OPS, "Add", "MaxPool", "Resize")
"""Operators that some target runs in INT8."""
ACTIVATION, WEIGHT, BIAS = 0, 1, 2
"""Inputs of those operators."""


class ActivationScheme(NamedTuple):
    """How an activation is represented.

    Attributes:
        scale: the value of one step.
        zero_point: the integer of the value 0; its type is that of the integers.
    """

    scale: np.float32
    zero_point: np.int8 | np.uint8


def weighted_nodes(wiring: Wiring, int8_nodes: frozenset[str]) -> list[NodeProto]:
    """Those of `int8_nodes` that multiply activations by a stored weight, in the graph's order."""
    nodes = (node for node in wiring.nodes.values() if node.name in int8_nodes)
    return [node for node in nodes if node.op_type in WEIGHTED_OPS and node.input[WEIGHT] in wiring.weights]


def channel_axis(node: NodeProto) -> int:
    """The axis of the output channels in a node's weight."""
    if node.op_type == "Conv":
        return 0
    is_transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return 0 if is_transposed else 1
