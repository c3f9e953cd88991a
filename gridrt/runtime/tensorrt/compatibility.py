"""Engine compatibility: with which plugins, which TensorRT and which GPUs an engine runs."""

from __future__ import annotations

from pathlib import Path

from gridrt.errors import EngineError
from gridrt.files import check_is_file, sha256_of
from gridrt.plugins.adapters.plugin_library import BUILD_IT
from gridrt.plugins.contract import VERSION
from gridrt.runtime.tensorrt.manifest import Manifest
from gridrt.runtime.tensorrt.plugins import LIBRARY_VARIABLE, plugin_library

OLDEST_GPU = (8, 0)
"""Compute capability of Ampere, the oldest GPUs of an engine that was not built for particular ones."""

BUILD_AGAIN = "Build it again here: gridrt build-engine."


def refuse_other_plugins(manifest: Manifest, engine: Path) -> None:
    """Refuse an engine that was built with another version of the plugins, or with another file of their library.

    Raises:
        EngineError: the versions differ, or the files, or there is no library and the engine needs one.
    """
    built = manifest.plugins["version"]
    if built != VERSION:
        raise EngineError(
            f"the engine was built for plugins of version {built}, this GridRT has version {VERSION}",
            place=engine,
            remedy=BUILD_AGAIN,
        )
    if manifest.plugins["adapter"] != "library":
        return
    library = plugin_library()
    check_is_file(library, EngineError, BUILD_IT)
    if (found := sha256_of(library)) != manifest.plugins["sha256"]:
        raise EngineError(
            f"must be the plugin library that the engine was built with, SHA-256 {manifest.plugins['sha256'][:12]}",
            place=library,
            value=found[:12],
            remedy=f"Let {LIBRARY_VARIABLE} name that library, or build the engine again: gridrt build-engine.",
        )


def refuse_other_tensorrt(manifest: Manifest, engine: Path, version: str) -> None:
    """Refuse an engine that was built by another version of TensorRT.

    Args:
        manifest: of the engine.
        engine: its file.
        version: of the installed library.

    Raises:
        EngineError: the versions differ.
    """
    name, built = manifest.runtime["name"], manifest.runtime["version"]
    if built != version:
        raise EngineError(
            f"the engine was built for {name} {built}, and {version} is installed", place=engine, remedy=BUILD_AGAIN
        )


def refuse_other_gpu(manifest: Manifest, engine: Path, capability: tuple[int, int]) -> None:
    """Refuse an engine that was built for GPUs of other compute capabilities.

    Args:
        manifest: of the engine.
        engine: its file.
        capability: of the GPU of this machine.

    Raises:
        EngineError: the engine was not built for this one.
    """
    own, targets = ".".join(map(str, capability)), target_capabilities(manifest)
    if own not in targets if targets else capability < OLDEST_GPU:
        raise EngineError(
            f"the engine was built for compute capability {format_targets(manifest)}, this GPU has {own}",
            place=engine,
            remedy=BUILD_AGAIN,
        )


def target_capabilities(manifest: Manifest) -> list[str]:
    """The compute capabilities that an engine was built for; none where it runs on all from `OLDEST_GPU` on."""
    if manifest.compute_capabilities:
        return list(manifest.compute_capabilities)
    is_for_its_own = manifest.gpu is not None and manifest.options["hardware"] != "ampere-plus"
    return [str(manifest.gpu["compute_capability"])] if manifest.gpu is not None and is_for_its_own else []


def format_targets(manifest: Manifest) -> str:
    """The compute capabilities that an engine was built for, as people read them: "8.9", "8.0 and later"."""
    return ", ".join(target_capabilities(manifest)) or f"{'.'.join(map(str, OLDEST_GPU))} and later"
