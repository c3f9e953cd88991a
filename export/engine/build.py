"""From an ONNX graph to an engine in a file, checked, with its manifest."""

from __future__ import annotations

import time
import warnings
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path

from onnx import ModelProto

import gridrt
from gridrt.errors import EngineError
from gridrt.export.engine.limits import refuse_beyond_limits
from gridrt.export.engine.network import network_from_graph
from gridrt.export.engine.options import EngineOptions, refuse_impossible
from gridrt.export.engine.precision import built_precisions, by_stage, planned_precisions, require_planned
from gridrt.export.engine.profile import fix_inputs
from gridrt.export.engine.serialize import load_polygraphy, serialized
from gridrt.export.passes.ahead_of_time import ahead_of_time
from gridrt.export.passes.static_rows import static_rows
from gridrt.files import sha256_of, write_bytes
from gridrt.graph.contract import check_contract
from gridrt.graph.graph import Graph
from gridrt.graph.metadata import TARGET_KEY
from gridrt.machine.devices import find_gpus
from gridrt.plugins.contract import VERSION
from gridrt.runtime.tensorrt.library import TensorRT, load_tensorrt
from gridrt.runtime.tensorrt.manifest import Manifest, write_manifest
from gridrt.runtime.tensorrt.plugins import chosen_adapter, plugin_library, prepare_plugins

TENSORRT = "tensorrt"
"""The target of graphs that engines are built from."""


def library_for(options: EngineOptions) -> TensorRT:
    """TensorRT, ready for a build: what is missing, plugins included, is an error before any work.

    Raises:
        DependencyError: TensorRT, Polygraphy or what plugins need is missing.
        EngineError: an option cannot be honoured.
    """
    library = load_tensorrt(options.runtime)
    refuse_impossible(options, library)
    load_polygraphy(library)
    prepare_plugins(chosen_adapter(options.plugins), library)
    return library


def engine_from_graph(graph: Graph, engine: Path, options: EngineOptions) -> Manifest:
    """Build an engine in the precisions that are written in a graph.

    Args:
        graph: of `gridrt export`, or rewritten in other precisions; its file is the engine's parent.
        engine: file to write; its manifest goes beside it.
        options: what it is built for.

    Raises:
        DependencyError: TensorRT, Polygraphy, what plugins need, or the GPU is missing.
        GraphError: the graph is not one of GridRT's.
        EngineError: the graph was rewritten for another runtime, a kernel does not support it, TensorRT cannot build
            it, ignores an option, or runs a layer in more bits than asked for.
        OutputError: a file cannot be written.
    """
    library = library_for(options)
    check_contract(graph)
    target = graph.metadata.get(TARGET_KEY)
    if target not in (None, TENSORRT):
        remedy = f"gridrt calibrate --target {TENSORRT} writes one."
        raise EngineError(f"expected a graph for {TENSORRT}, got one for {target}", place=graph.path, remedy=remedy)
    started = time.perf_counter()
    model = ModelProto()
    model.CopyFrom(graph.model)
    if target is None:  # what was rewritten for TensorRT has static rows
        static_rows(model)
    fix_inputs(model, options.profile)
    refuse_beyond_limits(model)
    if chosen_adapter(options.plugins) == "aot":
        ahead_of_time(model)
    library.log.clear()
    plan = serialized(library, network_from_graph(library, model), options)
    planned, built = planned_precisions(model), built_precisions(layers_of(library, plan))
    require_planned(planned, built)
    if silent := len(planned.keys() - built.keys()):
        message = f"{library.name} does not report the precision of {silent} of {len(planned)} layers"
        warnings.warn(message, stacklevel=2)
    write_bytes(engine, plan)
    seconds = time.perf_counter() - started
    manifest = _manifest(graph, engine, library, options, by_stage(planned, built), seconds)
    write_manifest(manifest, engine)
    return manifest


def layers_of(library: TensorRT, plan: bytes) -> str:
    """The layers of an engine, one a line: by its inspector where the engine opens here, else by the builder's log.

    The wording of the log is that of TensorRT for RTX, which builds without a GPU; TensorRT itself never does.
    """
    if not find_gpus():
        return library.log.layers
    runtime = library.trt.Runtime(library.log)
    errors = list(library.log.errors)
    engine = runtime.deserialize_cuda_engine(plan)
    if engine is None:  # built ahead of time for other GPUs; what it says of that is no error of the build
        library.log.errors[:] = errors
        return library.log.layers
    layers: str = engine.create_engine_inspector().get_engine_information(library.trt.LayerInformationFormat.ONELINE)
    return layers


def _manifest(
    graph: Graph,
    engine: Path,
    library: TensorRT,
    options: EngineOptions,
    precision: dict[str, dict[str, int]],
    seconds: float,
) -> Manifest:
    gpu = None if library.is_rtx else next(iter(find_gpus()), None)
    adapter = chosen_adapter(options.plugins)
    plugins: dict[str, str | int] = {"adapter": adapter, "version": VERSION}
    if adapter == "library":
        plugins |= {"file": plugin_library().name, "sha256": sha256_of(plugin_library())}
    packages = {package.metadata["Name"]: package.version for package in distributions()}
    # The names of TensorRT's packages tell the version of CUDA.
    of_tensorrt = {name: packages[name] for name in sorted(packages) if name.lower().startswith("tensorrt")}
    return Manifest(
        gridrt=gridrt.__version__,
        engine={"file": engine.name, "sha256": sha256_of(engine), "bytes": engine.stat().st_size},
        graph={"file": graph.path.name, "sha256": graph.sha256, "metadata": graph.metadata},
        runtime={"name": library.name, "version": library.version, "packages": of_tensorrt},
        gpu=None if gpu is None else asdict(gpu),
        compute_capabilities=[f"{major}.{minor}" for major, minor in options.compute_capabilities],
        plugins=plugins,
        profile={name: [list(shape) for shape in shapes] for name, shapes in options.profile.inputs().items()},
        precision=precision,
        options={"workspace_mib": options.workspace_mib, "hardware": options.hardware, "refit": options.refit},
        warnings=list(library.log.warnings),
        seconds=round(seconds, 2),
    )
