"""The JSON beside an engine: what is in it, what made it, and where it can run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gridrt.files import write_text

SUFFIX = ".json"


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
        plugins: the adapter that stood for the custom ops, and the version of the ops.
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
    plugins: Mapping[str, str | int]
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
