"""From an ONNX graph to an engine on the disk, checked, with its manifest.

Built so far: engines of TensorRT for RTX, ahead of time, on machines without a GPU. TensorRT proper has not been tried,
and no engine of either kind has run yet.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import onnx
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
from gridrt.graph.metadata import TARGET_KEY, metadata_of
from gridrt.machine.devices import find_gpus
from gridrt.plugins.contract import VERSION
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from gridrt.runtime.tensorrt.library import TensorRT, load_tensorrt
from gridrt.runtime.tensorrt.manifest import Manifest, write_manifest
from gridrt.runtime.tensorrt.plugins import Adapter, chosen_adapter, plugin_library, prepare_plugins

TENSORRT = "tensorrt"
"""The target that graphs for engines are rewritten for."""


def library_for(options: EngineOptions) -> TensorRT:
    """All that a build needs besides the graph, plugins included, so that what is missing shows before any work.

    Raises:
        DependencyError: TensorRT, Polygraphy or what plugins need is missing.
        EngineError: an option cannot be honoured.
    """
    library = load_tensorrt(options.runtime)
    refuse_impossible(options, library)
    load_polygraphy(library)
    prepare_plugins(chosen_adapter(options.plugins), library)
    return library


def build_engine(graph: Path, engine: Path, options: EngineOptions) -> Manifest:
    """Build an engine in the precisions that are written in a graph.

    Args:
        graph: an ONNX file of `gridrt export`, or one rewritten in other precisions.
        engine: file to write; its manifest goes beside it.
        options: what it is built for.

    Returns:
        The manifest.

    Raises:
        DependencyError: TensorRT, Polygraphy, what plugins need, or the GPU is missing.
        GraphError: the graph is not one of GridRT's.
        EngineError: a kernel does not take it, TensorRT cannot build it, ignores an option, or runs a layer in more
            bits than asked for.
        OutputError: a file cannot be written.
    """
    library = library_for(options)
    model, metadata = _sound_graph(graph)
    started = time.perf_counter()
    static_rows(model)
    fix_inputs(model, options.profile)
    refuse_beyond_limits(model)
    if chosen_adapter(options.plugins) == "aot":
        ahead_of_time(model)
    library.log.clear()
    plan = serialized(library, network_from_graph(library, model), options)
    planned, built = planned_precisions(model), built_precisions(library.log.layers)
    require_planned(planned, built)
    if silent := len(planned.keys() - built.keys()):
        warnings.warn(f"{library.name} does not tell the precision of {silent} of {len(planned)} layers", stacklevel=2)
    write_bytes(engine, plan)
    seconds = time.perf_counter() - started
    parent = {"file": graph.name, "sha256": sha256_of(graph), "metadata": metadata}
    manifest = _manifest(parent, engine, library, options, by_stage(planned, built), seconds)
    write_manifest(manifest, engine)
    return manifest


def _sound_graph(path: Path) -> tuple[ModelProto, dict[str, str]]:
    """A graph, and what it says about itself."""
    OnnxRuntimeSession(path, ["CPUExecutionProvider"], threads=1)  # refuses what is not a sound graph of ours
    model = onnx.load(path)
    metadata = metadata_of(model)
    target = metadata.get(TARGET_KEY, TENSORRT)
    if target != TENSORRT:
        remedy = f"gridrt calibrate --target {TENSORRT} writes one."
        raise EngineError(
            "engines are built from graphs for TensorRT", place=path, value=f"one for {target}", remedy=remedy
        )
    return model, metadata


def _manifest(
    graph: Mapping[str, Any],
    engine: Path,
    library: TensorRT,
    options: EngineOptions,
    precision: dict[str, dict[str, int]],
    seconds: float,
) -> Manifest:
    gpu = None if library.is_rtx else next(iter(find_gpus()), None)
    return Manifest(
        gridrt=gridrt.__version__,
        engine={"file": engine.name, "sha256": sha256_of(engine), "bytes": engine.stat().st_size},
        graph=graph,
        runtime={"name": library.name, "version": library.version, "packages": _packages()},
        gpu=None if gpu is None else asdict(gpu),
        compute_capabilities=[f"{major}.{minor}" for major, minor in options.compute_capabilities],
        plugins=_plugins(chosen_adapter(options.plugins)),
        profile={name: [list(shape) for shape in shapes] for name, shapes in options.profile.inputs().items()},
        precision=precision,
        options={"workspace_mib": options.workspace_mib, "hardware": options.hardware, "refit": options.refit},
        warnings=list(library.log.warnings),
        seconds=round(seconds, 2),
    )


def _plugins(adapter: Adapter) -> dict[str, str | int]:
    told: dict[str, str | int] = {"adapter": adapter, "version": VERSION}
    if adapter == "library":
        told |= {"file": plugin_library().name, "sha256": sha256_of(plugin_library())}
    return told


def _packages() -> dict[str, str]:
    """Those of TensorRT; their names tell the version of CUDA."""
    found = {package.metadata["Name"]: package.version for package in distributions()}
    return {name: version for name, version in sorted(found.items()) if name.lower().startswith("tensorrt")}
