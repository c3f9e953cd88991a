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
        builder: that builds it.
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
        EngineError: TensorRT does not read the graph, or a custom op became something other than a plugin.
    """
    trt = library.trt
    builder = _builder(library)
    # By name: the number behind it is another one in every major version.
    definition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(definition, library.log)
    if not parser.parse(model.SerializeToString()):
        errors = (parser.get_error(index) for index in range(parser.num_errors))
        found = "; ".join(f"{error.node_name()}: {error.desc()}" for error in errors)
        remedy = "Where an older version of GridRT exported the graph, export it again."
        raise EngineError("TensorRT reads the graph", place=library.name, value=found, remedy=remedy)
    _require_plugins(library, model, definition)
    return Network(builder, definition, parser)


def _builder(library: TensorRT) -> tensorrt.Builder:
    try:
        builder: tensorrt.Builder = library.trt.Builder(library.log)
    except TypeError as error:  # what the bindings make of a failed constructor
        raise DependencyError(
            "TensorRT builds engines for the GPU of this machine, and finds none that it can use",
            place=library.name,
            value="; ".join(library.log.errors) or error,
            remedy="--runtime tensorrt-rtx builds without a GPU.",
        ) from error
    return builder


def _require_plugins(library: TensorRT, model: ModelProto, definition: tensorrt.INetworkDefinition) -> None:
    """Where TensorRT finds no plugin, it takes the op's body: slow, or impossible, but without a word."""
    layers = (definition.get_layer(index) for index in range(definition.num_layers))
    plugins = {layer.name for layer in layers if layer.type == library.trt.LayerType.PLUGIN_V3}
    for node in model.graph.node:
        if node.domain == DOMAIN and node.name not in plugins:
            raise EngineError("each custom op becomes a plugin of TensorRT", place=node.name, value="none of that op")
