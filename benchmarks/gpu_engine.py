"""Engines for measurements, built by the program itself in a process of its own, which ends when it takes long."""

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
        graph: in the precision that the engine shall have.
        engine: file to write.
        options: more of `gridrt build-engine`.
        seconds: that it may take.

    Raises:
        DependencyError: neither TensorRT nor TensorRT for RTX loads.
        EngineError: it is not built, or not in time.
    """
    runtime = tensorrt_here().name
    arguments = ["build-engine", "--model", str(graph), "--out", str(engine), "--runtime", runtime, *options]
    command = [sys.executable, "-m", "gridrt", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)  # noqa: S603 - ours
    except subprocess.TimeoutExpired as error:
        raise EngineError(f"{runtime} builds an engine in {seconds:.0f} s", place=engine.name) from error
    if done.returncode:
        told = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise EngineError(f"{runtime} builds an engine", place=engine.name, value=told)
    return read_manifest(engine)


def told_of(manifest: Manifest) -> dict[str, object]:
    """What a row says of an engine."""
    return {
        "runtime": f"{manifest.runtime['name']} {manifest.runtime['version']}",
        "seconds_of_build": manifest.seconds,
        "bytes": manifest.engine["bytes"],
        "layers": manifest.precision,
        "warnings": list(manifest.warnings)[:5],
    }
