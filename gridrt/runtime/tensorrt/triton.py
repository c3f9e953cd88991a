"""How Triton's back end for TensorRT runs an engine."""

from __future__ import annotations

from pathlib import Path

from gridrt.errors import EngineError
from gridrt.files import sha256_of
from gridrt.runtime.backend import TritonModel
from gridrt.runtime.tensorrt.manifest import Manifest
from gridrt.runtime.tensorrt.plugins import LIBRARY_VARIABLE, plugin_library


def engine_in_triton(manifest: Manifest, engine: Path) -> TritonModel | None:
    """What an engine needs in Triton; None where its TensorRT is that for RTX, or its plugins are written in Python.

    Raises:
        EngineError: its plugin library is not named by `LIBRARY_VARIABLE`, or is another one.
    """
    adapter = manifest.plugins["adapter"]
    if manifest.runtime["name"] != "tensorrt" or adapter == "python":
        return None
    library = plugin_library() if adapter == "library" else None
    if library is not None and (not library.is_file() or sha256_of(library) != manifest.plugins["sha256"]):
        raise EngineError(
            "the plugin library must be the one that the engine was built with",
            place=engine,
            value=library,
            remedy=f"Name that file by {LIBRARY_VARIABLE}.",
        )
    bounds = manifest.profile["images"]
    return TritonModel(
        "tensorrt", "model.plan", tensorrt=str(manifest.runtime["version"]), bounds=bounds, library=library
    )
