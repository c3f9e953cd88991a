"""Let the grid branch process all rows of detections, instead of the used ones only.

Slice(boxes, ends = max(1, count of detections))  ->  Slice(boxes, ends = max_output)

ONNX Runtime is faster with the count. TensorRT cannot size a tensor by data without a round trip to the host, so every
shape must follow from those of the inputs. The branch ends by setting unused rows to zero, with this pass or without.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx.helper
import onnx.numpy_helper
from onnx import GraphProto, ModelProto, NodeProto

from gridrt.graph.wiring import Wiring, drop_unused_weights, needed_nodes, replace_nodes, wiring_of
from gridrt.plugins.batched_nms.contract import BATCHED_NMS

ENDS = 2
"""Input of a Slice."""

RESHAPING = frozenset(("Cast", "Gather", "Reshape", "Squeeze", "Unsqueeze"))
"""Operators that the exporter puts between a number and its use as a list of one."""


def static_rows(model: ModelProto) -> None:
    """Rewrite `model` in place; a model without a data-dependent slice stays as it is."""
    graph = model.graph
    counts = dict(_counts(graph))
    if not counts:
        return
    for tensor, rows in counts.items():
        graph.initializer.append(onnx.numpy_helper.from_array(np.array(rows, np.int64), tensor))
    replace_nodes(graph, needed_nodes(graph, (output.name for output in graph.output), counts))
    drop_unused_weights(graph)


def _counts(graph: GraphProto) -> Iterator[tuple[str, int]]:
    """Tensors that hold the number of used rows of detections, and the number of all rows."""
    wiring = wiring_of(graph)
    for node in graph.node:
        if node.op_type != "Slice":
            continue
        sliced, count = wiring.producers.get(node.input[0]), _producer_of_number(node.input[ENDS], wiring)
        if sliced is not None and sliced.op_type == BATCHED_NMS.name and count is not None:
            yield count.output[0], onnx.helper.get_node_attr_value(sliced, "max_output")


def _producer_of_number(tensor: str, wiring: Wiring) -> NodeProto | None:
    """The node that computes the number in `tensor`; None where the number is stored."""
    node = wiring.producers.get(tensor)
    while node is not None and node.op_type in RESHAPING:
        node = wiring.producers.get(node.input[0])
    return node
