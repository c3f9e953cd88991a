"""Let the grid branch work on all rows of detections, instead of as many as are used.

Slice(boxes, ends = max(1, count of detections))  ->  Slice(boxes, ends = max_output)

ONNX Runtime is faster with the count. TensorRT does not size a tensor by data without asking the host, and needs every
shape to follow from those of the inputs. Rows that are not used become zeros behind the branch, with or without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import onnx.helper
import onnx.numpy_helper
from onnx import GraphProto, ModelProto, NodeProto

from gridrt.graph.wiring import Wiring, drop_unread_weights, replace_nodes, wiring_of
from gridrt.plugins.batched_nms.contract import BATCHED_NMS

ENDS = 2
"""Input of a Slice."""

RESHAPING = frozenset(("Cast", "Gather", "Reshape", "Squeeze", "Unsqueeze"))
"""What the exporter puts between a number and its use as a list of one."""


def static_rows(model: ModelProto) -> None:
    """Rewrite `model` in place; one without a data-dependent slice stays as it is."""
    graph = model.graph
    counts = dict(_counts(graph))
    for tensor, rows in counts.items():
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(rows, np.int64), tensor))
    replace_nodes(graph, _needed(graph, counts))
    drop_unread_weights(graph)


def _counts(graph: GraphProto) -> Iterator[tuple[str, int]]:
    """Tensors that say how many rows of detections are worked on, and how many rows there are."""
    wiring = wiring_of(graph)
    for node in graph.node:
        if node.op_type != "Slice":
            continue
        sliced, count = wiring.maker.get(node.input[0]), _made_number(node.input[ENDS], wiring)
        if sliced is not None and sliced.op_type == BATCHED_NMS.name and count is not None:
            yield count.output[0], onnx.helper.get_node_attr_value(sliced, "max_output")


def _made_number(tensor: str, wiring: Wiring) -> NodeProto | None:
    """The node that makes the number in `tensor`; None where the number is stored."""
    node = wiring.maker.get(tensor)
    while node is not None and node.op_type in RESHAPING:
        node = wiring.maker.get(node.input[0])
    return node


def _needed(graph: GraphProto, stored: Collection[str]) -> list[NodeProto]:
    """The nodes that the outputs need, now that some tensors are stored."""
    read = {output.name for output in graph.output}
    needed: list[NodeProto] = []
    for node in reversed(graph.node):
        if not read.isdisjoint(set(node.output).difference(stored)):
            needed.append(node)
            read.update(node.input)
    return needed[::-1]
