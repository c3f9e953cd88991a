"""The JSON beside an engine: what is in it, what made it, and where it can run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gridrt.errors import EngineError
from gridrt.files import sha256_of, write_text
from gridrt.json_files import parse_json
from gridrt.runtime.graph_info import metadata_info
from gridrt.runtime.info import NARROWEST_FIRST, ModelInfo, Precision
from gridrt.runtime.tensorrt.plugins import ADAPTERS

SUFFIX = ".json"
RUNTIMES = ("tensorrt", "tensorrt-rtx")


@dataclass(frozen=True)
class Manifest:
    """All that is known of an engine. It lies beside the engine, whose own file other programs can load as it is.

    Attributes:
        gridrt: version that built it.
        engine: file, sha256 and bytes of the engine. The hash identifies this file only: TensorRT times its choices,
            and a rebuild gives other bytes. `build_sha256` is equal for a rebuild.
        graph: file, sha256 and metadata of the ONNX graph that it was built from: classes, scale, parents, recipe.
        runtime: name and version of TensorRT, and the installed packages that it came from.
        gpu: that it was built on, with its driver; None where it was built ahead of time.
        compute_capabilities: that it was built for, ahead of time; empty for `gpu`, or those of TensorRT's choice.
        plugins: the adapter that provided the custom ops at build time, and provides them at run time, and their
            version; for a library also its file and sha256.
        profile: smallest, tuned and largest dimensions of each input.
        precision: how many weighted nodes of each stage run in which precision, as TensorRT reports it.
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

    @property
    def build_sha256(self) -> str:
        """Of all that a build follows from: the graph's hash, runtime, GPU, plugins, profile and options."""
        causes = (
            self.graph["sha256"],
            (self.runtime["name"], self.runtime["version"]),
            (self.gpu, self.compute_capabilities, self.plugins),
            (self.profile, self.options),
        )
        return hashlib.sha256(json.dumps(causes, sort_keys=True).encode()).hexdigest()


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
    remedy = "Copy both files, or build the engine again: gridrt build-engine."
    try:
        manifest = _parse(parse_json(file.read_bytes()))
    except OSError as error:
        value = error.strerror or error
        raise EngineError(f"cannot read the manifest {file.name}", place=engine, value=value, remedy=remedy) from error
    except (ValueError, TypeError) as error:
        raise EngineError(f"{file.name} is not a manifest", place=engine, value=error, remedy=remedy) from error
    if manifest.engine["sha256"] != sha256_of(engine):
        raise EngineError(
            f"{file.name} is not the manifest of this engine: SHA-256 differ", place=engine, remedy=remedy
        )
    return manifest


def engine_info(manifest: Manifest, engine: Path) -> ModelInfo:
    """What a manifest says about the detector.

    Raises:
        GraphError: its metadata are not the metadata of a graph that GridRT wrote.
    """
    types = {name for stage in manifest.precision.values() for name in stage}
    narrowest: Precision = next((precision for precision in NARROWEST_FIRST if precision in types), "fp32")
    library = f"{manifest.runtime['name']} {manifest.runtime['version']}"
    info = metadata_info(manifest.graph["metadata"], engine, "TensorRT", narrowest, library)
    return replace(info, max_batch=manifest.profile["images"][-1][0])


_TEXTS = {
    "engine": ("sha256",),
    "graph": ("file", "sha256"),
    "runtime": ("name", "version"),
    "plugins": ("adapter",),
    "options": ("hardware",),
    "gpu": ("name", "compute_capability"),
}
"""Texts that readers of a manifest rely on."""


def _parse(content: Mapping[str, Any]) -> Manifest:
    """The manifest, of the types that its class states; raises ValueError or TypeError where it is not."""
    manifest: Any = Manifest(**content)
    for part, names in _TEXTS.items():
        found = getattr(manifest, part)
        if part == "gpu" and found is None:
            continue
        _require(isinstance(found, dict), part)
        for name in names:
            _require(isinstance(found.get(name), str), f"{part}.{name}")
    metadata, plugins = manifest.graph.get("metadata"), manifest.plugins
    _require(isinstance(metadata, dict) and all(isinstance(text, str) for text in metadata.values()), "graph.metadata")
    _require(isinstance(plugins.get("version"), (str, int)), "plugins.version")
    if plugins["adapter"] == "library":
        _require(isinstance(plugins.get("file"), str) and isinstance(plugins.get("sha256"), str), "plugins.file")
    _require(isinstance(manifest.profile, dict) and "images" in manifest.profile, "profile.images")
    _require(all(map(_is_bounds, manifest.profile.values())), "profile")
    _require(isinstance(manifest.precision, dict), "precision")
    for counts in manifest.precision.values():
        _require(isinstance(counts, dict) and all(type(one) is int for one in counts.values()), "precision")
    _require(isinstance(manifest.gridrt, str) and isinstance(manifest.seconds, (int, float)), "gridrt or seconds")
    for part in ("compute_capabilities", "warnings"):
        texts = getattr(manifest, part)
        _require(isinstance(texts, list) and all(isinstance(text, str) for text in texts), part)
    if manifest.runtime["name"] not in RUNTIMES:
        raise ValueError(f"runtime {manifest.runtime['name']}")
    if plugins["adapter"] not in ADAPTERS:
        raise ValueError(f"plugins by {plugins['adapter']}")
    return Manifest(**asdict(manifest))


def _require(holds: bool, what: str) -> None:  # noqa: FBT001 - the condition of what
    if not holds:
        raise ValueError(f"it has no {what}, or one of another type")


def _is_bounds(shapes: object) -> bool:
    """Smallest, tuned and largest dimensions."""
    if not isinstance(shapes, list) or len(shapes) != 3:
        return False
    return all(isinstance(shape, list) and shape and all(type(size) is int for size in shape) for shape in shapes)
