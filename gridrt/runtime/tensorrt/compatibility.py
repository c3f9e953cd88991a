"""Where an engine can run: with which plugins, which TensorRT, and on which GPUs."""

from __future__ import annotations

from pathlib import Path

from gridrt.errors import EngineError
from gridrt.plugins.contract import VERSION
from gridrt.runtime.tensorrt.manifest import Manifest

OLDEST_GPU = (8, 0)
"""Compute capability of Ampere, where engines begin that were built for no GPU in particular."""

BUILD_AGAIN = "Build it again here: gridrt build-engine."


def refuse_other_plugins(manifest: Manifest, engine: Path) -> None:
    """Refuse an engine whose custom ops are of another version.

    Raises:
        EngineError: they are.
    """
    built = manifest.plugins["version"]
    if built != VERSION:
        rule = f"this GridRT has plugins of version {VERSION}"
        raise EngineError(rule, place=engine, value=f"an engine for version {built}", remedy=BUILD_AGAIN)


def refuse_other_tensorrt(manifest: Manifest, engine: Path, version: str) -> None:
    """Refuse an engine that another version of TensorRT built.

    Args:
        manifest: of the engine.
        engine: its file.
        version: of the library that is here.

    Raises:
        EngineError: the versions differ.
    """
    name, built = manifest.runtime["name"], manifest.runtime["version"]
    if built != version:
        rule = f"here is {name} {version}, and an engine runs with the version that built it"
        raise EngineError(rule, place=engine, value=f"one of {name} {built}", remedy=BUILD_AGAIN)


def refuse_other_gpu(manifest: Manifest, engine: Path, capability: tuple[int, int]) -> None:
    """Refuse an engine that was built for GPUs of other compute capabilities.

    Args:
        manifest: of the engine.
        engine: its file.
        capability: of the GPU that is here.

    Raises:
        EngineError: it was.
    """
    if not (capability >= OLDEST_GPU if _is_for_all(manifest) else _told(capability) in _capabilities(manifest)):
        here = f"this GPU has compute capability {_told(capability)}"
        raise EngineError(here, place=engine, value=f"an engine for {built_for(manifest)}", remedy=BUILD_AGAIN)


def built_for(manifest: Manifest) -> str:
    """The compute capabilities that an engine was built for, in words."""
    return f"{_told(OLDEST_GPU)} and later" if _is_for_all(manifest) else ", ".join(_capabilities(manifest))


def _is_for_all(manifest: Manifest) -> bool:
    """Whether it was built for no GPU in particular."""
    is_for_its_own = manifest.gpu is not None and manifest.options["hardware"] != "ampere-plus"
    return not manifest.compute_capabilities and not is_for_its_own


def _capabilities(manifest: Manifest) -> list[str]:
    own = [] if manifest.gpu is None else [str(manifest.gpu["compute_capability"])]
    return list(manifest.compute_capabilities) or own


def _told(capability: tuple[int, int]) -> str:
    return ".".join(map(str, capability))
