"""What a rewrite needs to know of an ONNX graph: who makes a tensor, who reads it, of what type it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import onnx.shape_inference
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import GraphProto, ModelProto, NodeProto, TensorProto

from gridrt.errors import GraphError
from gridrt.files import check_is_file


class Edge(NamedTuple):
    """One input of a node.

    Attributes:
        node: its name.
        slot: which of its inputs.
    """

    node: str
    slot: int


def loaded(path: Path, *, external_data: bool = True) -> ModelProto:
    """An ONNX file as it is, unchecked.

    Args:
        path: the file.
        external_data: whether to read weights that are stored in other files.

    Raises:
        GraphError: there is no such file, or it is none.
    """
    check_is_file(path, GraphError)
    try:
        return onnx.load(path, load_external_data=external_data)
    except DecodeError:
        rule = "is not an ONNX graph, or a damaged one"
        raise GraphError(rule, place=path, remedy="Export it again.") from None


@dataclass(frozen=True)
class Wiring:
    """How the nodes of a graph hang together. Node names are unique, as the exporter makes them.

    Attributes:
        nodes: by name.
        maker: the node that makes a tensor.
        readers: the edges that read a tensor, in the order of the nodes.
        weights: tensors that the file stores, by name.
    """

    nodes: Mapping[str, NodeProto]
    maker: Mapping[str, NodeProto] = field(repr=False)
    readers: Mapping[str, list[Edge]] = field(repr=False)
    weights: Mapping[str, TensorProto] = field(repr=False)

    def reading_nodes(self, tensor: str) -> list[NodeProto]:
        """The nodes that read a tensor, once for each edge."""
        return [self.nodes[edge.node] for edge in self.readers.get(tensor, ())]


def wiring_of(graph: GraphProto) -> Wiring:
    """The wiring as it stands; it does not follow later changes."""
    readers = defaultdict[str, list[Edge]](list)
    for node in graph.node:
        for slot, tensor in enumerate(node.input):
            if tensor:  # an empty name stands for an input left out
                readers[tensor].append(Edge(node.name, slot))
    return Wiring(
        nodes={node.name: node for node in graph.node},
        maker={tensor: node for node in graph.node for tensor in node.output},
        readers=dict(readers),
        weights={tensor.name: tensor for tensor in graph.initializer},
    )


def element_types(model: ModelProto) -> dict[str, int]:
    """ONNX's type number of every tensor of the main graph; the bodies of custom ops are looked into."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = (*graph.value_info, *graph.input, *graph.output)
    types: dict[str, int] = {value.name: value.type.tensor_type.elem_type for value in values}
    return types | {tensor.name: tensor.data_type for tensor in graph.initializer}


def replace_nodes(graph: GraphProto, nodes: Iterable[NodeProto]) -> None:
    """Put `nodes`, in an order in which they can run, in the place of those that `graph` has."""
    kept = list(nodes)
    del graph.node[:]
    graph.node.extend(kept)


def drop_unread_weights(graph: GraphProto) -> None:
    """Remove stored tensors that no node reads any more."""
    read = {tensor for node in graph.node for tensor in node.input} | {output.name for output in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)
