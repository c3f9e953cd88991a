"""Load a library of plugins in TensorRT for RTX and build an engine from each graph; it needs no GPU.

    python build_engines.py <library> <graph.onnx>...

A process of its own, for the parser has to find libtensorrt_rtx.so, which the wheel calls libtensorrt_rtx.so.1: a link
of that name is to be on LD_LIBRARY_PATH when the process starts. It prints JSON: the fields of each creator of the
namespace, and for each graph the layers' types and the engine's bytes, or the errors.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import tensorrt_rtx as trt


class Log(trt.ILogger):  # type: ignore[misc] # tensorrt_rtx has no types
    """Keeps what went wrong."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: Any, msg: str) -> None:  # noqa: ANN401 - an enumeration without types
        """Called by TensorRT."""
        if severity <= trt.ILogger.ERROR:
            self.errors.append(msg)


def creators() -> dict[str, dict[str, str]]:
    """Types of the fields of each plugin, by their names."""
    found = (creator for creator in trt.get_plugin_registry().all_creators if creator.plugin_namespace == "gridrt")
    return {creator.name: {field.name: field.type.name for field in creator.field_names} for creator in found}


def built(graph: Path, log: Log) -> dict[str, object]:
    """What became of a graph."""
    log.errors.clear()
    builder = trt.Builder(log)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parsed = trt.OnnxParser(network, log).parse(graph.read_bytes())
    engine = builder.build_serialized_network(network, builder.create_builder_config()) if parsed else None
    layers = [network.get_layer(index).type.name for index in range(network.num_layers)]
    outputs = [[*network.get_output(index).shape] for index in range(network.num_outputs)]
    size = 0 if engine is None else engine.nbytes
    return {"layers": layers, "outputs": outputs, "bytes": size, "errors": list(log.errors)}


def main(library: str, *graphs: str) -> None:
    """Print all of it."""
    log = Log()
    trt.get_plugin_registry().load_library(library)
    answers = {graph: built(Path(graph), log) for graph in graphs}
    sys.stdout.write(json.dumps({"creators": creators(), "graphs": answers}))


if __name__ == "__main__":
    main(*sys.argv[1:])
