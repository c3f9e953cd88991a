"""Load a library of plugins in TensorRT for RTX and build an engine from each graph; it needs no GPU.

    python build_engines.py <library> <graph.onnx>...

A process of its own, in which no other plugins are registered. It prints JSON: the fields of each creator of ours, and
for each graph the layers' types, the shapes of the outputs, the engine's bytes, and the errors.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

from gridrt.plugins.adapters.plugin_library import register_plugin_library
from gridrt.plugins.contract import DOMAIN
from gridrt.plugins.kernels import KERNELS
from gridrt.runtime.tensorrt.library import TensorRT, load_tensorrt


def creators(trt: ModuleType) -> dict[str, dict[str, str]]:
    """Types of the fields of each plugin, by their names."""
    found = (creator for creator in trt.get_plugin_registry().all_creators if creator.plugin_namespace == DOMAIN)
    return {creator.name: {field.name: field.type.name for field in creator.field_names} for creator in found}


def built(graph: Path, tensorrt: TensorRT) -> dict[str, object]:
    """What became of a graph."""
    trt, log = tensorrt.trt, tensorrt.log
    log.clear()
    builder = trt.Builder(log)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parsed = trt.OnnxParser(network, log).parse(graph.read_bytes())
    engine = builder.build_serialized_network(network, builder.create_builder_config()) if parsed else None
    return {
        "layers": [network.get_layer(index).type.name for index in range(network.num_layers)],
        "outputs": [[*network.get_output(index).shape] for index in range(network.num_outputs)],
        "bytes": 0 if engine is None else engine.nbytes,
        "errors": log.errors.copy(),
    }


def main(library: str, *graphs: str) -> None:
    """Print all of it."""
    tensorrt = load_tensorrt("tensorrt-rtx")
    trt = tensorrt.trt
    register_plugin_library(trt, Path(library), KERNELS)
    answers = {graph: built(Path(graph), tensorrt) for graph in graphs}
    sys.stdout.write(json.dumps({"creators": creators(trt), "graphs": answers}))


if __name__ == "__main__":
    main(*sys.argv[1:])
