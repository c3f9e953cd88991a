"""Engines for measurements, built by `gridrt build-engine` in a process of its own with a time limit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.gpu_conditions import tensorrt_here
from gridrt.errors import EngineError
from gridrt.runtime.tensorrt.manifest import Manifest, read_manifest


def built(graph: Path, engine: Path, *options: str, seconds: float) -> Manifest:
    """Build an engine with the TensorRT that loads here.

    Args:
        graph: in the precision of the engine.
        engine: file to write.
        options: of `gridrt build-engine`.
        seconds: time limit.

    Raises:
        DependencyError: neither TensorRT nor TensorRT for RTX loads.
        EngineError: the build fails, or takes too long.
    """
    runtime = tensorrt_here().name
    arguments = ["build-engine", "--model", str(graph), "--out", str(engine), "--runtime", runtime, *options]
    command = [sys.executable, "-m", "gridrt", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)  # noqa: S603 - ours
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{runtime} failed to build the engine in {seconds:.0f} s", place=engine.name) from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise EngineError(f"{runtime} failed to build the engine", place=engine.name, value=reason)
    return read_manifest(engine)


def engine_figures(manifest: Manifest) -> dict[str, object]:
    """The figures of an engine in a row."""
    return {
        "runtime": f"{manifest.runtime['name']} {manifest.runtime['version']}",
        "seconds_of_build": manifest.seconds,
        "bytes": manifest.engine["bytes"],
        "layers": manifest.precision,
        "warnings": list(manifest.warnings)[:5],
    }
