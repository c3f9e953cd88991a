"""The JSON beside an engine: what is in it, what made it, and where it can run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gridrt.errors import EngineError
from gridrt.files import sha256_of, write_text
from gridrt.runtime.graph_info import metadata_info
from gridrt.runtime.info import NARROWEST_FIRST, ModelInfo, Precision
from gridrt.runtime.tensorrt.plugins import ADAPTERS

SUFFIX = ".json"
RUNTIMES = ("tensorrt", "tensorrt-rtx")


@dataclass(frozen=True)
class Manifest:
    """All that is known of an engine. The engine's own file has no prefix, so that other programs load it as it is.

    Attributes:
        gridrt: version that built it.
        engine: file, sha256 and bytes of the engine.
        graph: file, sha256 and metadata of the ONNX graph that it was built from: classes, scale, parents, recipe.
        runtime: name and version of TensorRT, and the installed packages that it came from.
        gpu: that it was built on, with its driver; None where it was built ahead of time.
        compute_capabilities: that it was built for, ahead of time; empty for `gpu`, or those of TensorRT's choice.
        plugins: the adapter that stood for the custom ops, which makes them where the engine runs, and the version of
            the ops; of a library also its file and sha256.
        profile: smallest, tuned and largest dimensions of each input.
        precision: how many weighted nodes of each stage run in which precision, as TensorRT tells it.
        options: the rest of what was asked for.
        warnings: TensorRT's.
        seconds: that the build took.
    """

    gridrt: str
    engine: Mapping[str, str | int]
    graph: Mapping[str, Any]
    runtime: Mapping[str, Any]
    gpu: Mapping[str, str | int] | None
    compute_capabilities: Sequence[str]
    plugins: Mapping[str, Any]
    profile: Mapping[str, Sequence[Sequence[int]]]
    precision: Mapping[str, Mapping[str, int]]
    options: Mapping[str, Any]
    warnings: Sequence[str]
    seconds: float


def manifest_file(engine: Path) -> Path:
    """`r50.engine` -> `r50.engine.json`."""
    return engine.with_name(engine.name + SUFFIX)


def write_manifest(manifest: Manifest, engine: Path) -> None:
    """Write it beside the engine, atomically.

    Raises:
        OutputError: it cannot be written.
    """
    write_text(manifest_file(engine), json.dumps(asdict(manifest), indent=2) + "\n")


def read_manifest(engine: Path) -> Manifest:
    """Read the manifest beside an engine.

    Raises:
        EngineError: there is none, it is not of the form that `write_manifest` writes, or it is another engine's.
    """
    file = manifest_file(engine)
    try:
        manifest = _parsed(file.read_bytes())
    except OSError as error:
        raise _not_of_this(engine, file, error.strerror or error) from error
    except (ValueError, TypeError) as error:
        raise _not_of_this(engine, file, f"not the form of GridRT's: {error}") from error
    if manifest.engine["sha256"] != sha256_of(engine):
        raise _not_of_this(engine, file, "that of an engine with another SHA-256")
    return manifest


def engine_info(manifest: Manifest, engine: Path) -> ModelInfo:
    """What a manifest tells of the detector.

    Raises:
        EngineError: the metadata of its graph are none.
        GraphError: they are not those of a graph of ours.
    """
    metadata = manifest.graph["metadata"]
    if not isinstance(metadata, Mapping):
        rule = f"expected the metadata of its graph in {manifest_file(engine).name}, got {type(metadata).__name__}"
        raise EngineError(rule, place=engine)
    types = {name for stage in manifest.precision.values() for name in stage}
    narrowest: Precision = next((precision for precision in NARROWEST_FIRST if precision in types), "fp32")
    library = f"{manifest.runtime['name']} {manifest.runtime['version']}"
    return metadata_info(metadata, engine, "TensorRT", narrowest, library)


# What is read of a manifest besides its own parts.
_NEEDED = (
    ("engine", "sha256"),
    ("graph", "file"),
    ("graph", "sha256"),
    ("graph", "metadata"),
    ("runtime", "name"),
    ("runtime", "version"),
    ("plugins", "adapter"),
    ("plugins", "version"),
    ("profile", "images"),
    ("options", "hardware"),
)


def _parsed(content: bytes) -> Manifest:
    manifest = Manifest(**json.loads(content))
    needed = [*_NEEDED, ("gpu", "compute_capability")] if manifest.gpu else _NEEDED
    if missing := [f"{part}.{name}" for part, name in needed if name not in getattr(manifest, part)]:
        raise ValueError(f"no {', '.join(missing)}")
    if manifest.runtime["name"] not in RUNTIMES:
        raise ValueError(f"runtime {manifest.runtime['name']}")
    if manifest.plugins["adapter"] not in ADAPTERS:
        raise ValueError(f"plugins by {manifest.plugins['adapter']}")
    return manifest


def _not_of_this(engine: Path, file: Path, found: object) -> EngineError:
    rule = f"an engine has its manifest beside it, {file.name}"
    remedy = "Copy both files, or build it again: gridrt build-engine."
    return EngineError(rule, place=engine, value=found, remedy=remedy)
