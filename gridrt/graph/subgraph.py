"""A subgraph of an ONNX graph: the nodes between some tensors and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import onnx.helper
from onnx import ModelProto, ValueInfoProto

from gridrt.graph.wiring import drop_unused_weights, needed_nodes, replace_nodes


def subgraph(model: ModelProto, inputs: Mapping[str, int], outputs: Sequence[str]) -> ModelProto:
    """Copy the part of a graph that computes `outputs` from `inputs` and from the graph's own inputs.

    Args:
        model: the whole graph, its nodes in an order in which they can run.
        inputs: tensors that are fed, with their ONNX types; nodes before them are left out.
        outputs: tensors that nodes produce.
    """
    part = ModelProto()
    part.CopyFrom(model)
    graph = part.graph
    replace_nodes(graph, needed_nodes(graph, outputs, inputs))
    consumed = {tensor for node in graph.node for tensor in node.input}
    own_inputs = [entry for entry in graph.input if entry.name in consumed - inputs.keys()]
    fed = [onnx.helper.make_tensor_value_info(name, kind, None) for name, kind in inputs.items() if name in consumed]
    del graph.input[:], graph.output[:]
    graph.input.extend([*own_inputs, *fed])
    graph.output.extend(ValueInfoProto(name=name) for name in outputs)
    drop_unused_weights(graph)
    return part
