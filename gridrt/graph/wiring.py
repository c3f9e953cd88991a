"""What a rewrite needs to know of an ONNX graph: the producer, the consumers and the type of each tensor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import onnx.shape_inference
from onnx import GraphProto, ModelProto, NodeProto, TensorProto


class Edge(NamedTuple):
    """One input of a node.

    Attributes:
        node: its name.
        slot: which of its inputs.
    """

    node: str
    slot: int


@dataclass(frozen=True)
class Wiring:
    """Nodes of a graph and the tensors between them. Node names are unique, as the exporter makes them.

    Attributes:
        nodes: by name.
        producers: the node that computes a tensor, by the tensor's name.
        consumers: the edges that read a tensor, in the order of the nodes.
        weights: tensors stored in the file, by name.
    """

    nodes: Mapping[str, NodeProto]
    producers: Mapping[str, NodeProto] = field(repr=False)
    consumers: Mapping[str, list[Edge]] = field(repr=False)
    weights: Mapping[str, TensorProto] = field(repr=False)

    def consumer_nodes(self, tensor: str) -> list[NodeProto]:
        """The nodes that read a tensor, once for each edge."""
        return [self.nodes[edge.node] for edge in self.consumers.get(tensor, ())]


def wiring_of(graph: GraphProto) -> Wiring:
    """The wiring of a graph as it is now; it does not follow later changes."""
    consumers = defaultdict[str, list[Edge]](list)
    for node in graph.node:
        for slot, tensor in enumerate(node.input):
            if tensor:  # an optional input that is left out has an empty name
                consumers[tensor].append(Edge(node.name, slot))
    return Wiring(
        nodes={node.name: node for node in graph.node},
        producers={tensor: node for node in graph.node for tensor in node.output},
        consumers=dict(consumers),
        weights={tensor.name: tensor for tensor in graph.initializer},
    )


def element_types(model: ModelProto) -> dict[str, int]:
    """ONNX's type number of every tensor of the main graph; inference goes through the bodies of custom ops."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    types: dict[str, int] = {value.name: value.type.tensor_type.elem_type for value in values}
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}


def needed_nodes(graph: GraphProto, outputs: Iterable[str], given: Collection[str]) -> list[NodeProto]:
    """The nodes that `outputs` depend on, in the order of the graph, where the tensors `given` need no computing."""
    wanted = set(outputs).difference(given)
    needed: list[NodeProto] = []
    for node in reversed(graph.node):
        if not wanted.isdisjoint(node.output):
            needed.append(node)
            wanted.update(set(node.input).difference(given, ("",)))  # an empty name stands for an input left out
    return needed[::-1]


def replace_nodes(graph: GraphProto, nodes: Iterable[NodeProto]) -> None:
    """Replace all nodes of `graph` by `nodes`, which must be in topological order.

    The noted types and shapes of tensors are removed with them: they need not hold any more.
    """
    kept = list(nodes)
    del graph.node[:], graph.value_info[:]
    graph.node.extend(kept)


def drop_unused_weights(graph: GraphProto) -> None:
    """Remove stored tensors that no node reads and that are no output."""
    read = {tensor for node in graph.node for tensor in node.input} | {output.name for output in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
