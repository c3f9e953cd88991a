"""From an ONNX graph to TensorRT's network, in which every custom op is a plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from onnx import ModelProto

from gridrt.errors import DependencyError, EngineError
from gridrt.plugins.contract import DOMAIN
from gridrt.runtime.tensorrt.library import TensorRT

if TYPE_CHECKING:
    import tensorrt


class Network(NamedTuple):
    """What an engine is built from.

    Attributes:
        builder: of the engine.
        definition: the layers.
        parser: holds the weights that the layers read.
    """

    builder: tensorrt.Builder
    definition: tensorrt.INetworkDefinition
    parser: tensorrt.OnnxParser


def network_from_graph(library: TensorRT, model: ModelProto) -> Network:
    """Parse a graph with the types that are written in it.

    Raises:
        DependencyError: TensorRT finds no GPU, and needs one.
        EngineError: TensorRT cannot parse the graph, or a custom op did not become a plugin.
    """
    trt = library.trt
    try:
        builder = trt.Builder(library.log)
    except TypeError as error:  # what the bindings make of a failed constructor
        raise DependencyError(
            "TensorRT cannot use a GPU of this machine to build for",
            place=library.name,
            value="; ".join(library.log.errors) or error,
            remedy="TensorRT for RTX (`runtime` tensorrt-rtx) builds without a GPU.",
        ) from error
    # By name: the number behind it is another one in every major version.
    definition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(definition, library.log)
    if not parser.parse(model.SerializeToString()):
        errors = (parser.get_error(index) for index in range(parser.num_errors))
        found = "; ".join(f"{error.node_name()}: {error.desc()}" for error in errors)
        remedy = "Where an older version of GridRT exported the graph, export it again."
        raise EngineError("TensorRT cannot parse the graph", place=library.name, value=found, remedy=remedy)
    # Without a plugin TensorRT takes the op's body instead: slow, or impossible, and without a message.
    layers = (definition.get_layer(index) for index in range(definition.num_layers))
    plugins = {layer.name for layer in layers if layer.type == trt.LayerType.PLUGIN_V3}
    for node in model.graph.node:
        if node.domain == DOMAIN and node.name not in plugins:
            raise EngineError("each custom op must become a plugin of TensorRT", place=node.name, value="none")
    return Network(builder, definition, parser)
