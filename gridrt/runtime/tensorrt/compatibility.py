"""Engine compatibility: with which plugins, which TensorRT and which GPUs an engine runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gridrt.errors import EngineError
from gridrt.files import check_is_file, sha256_of
from gridrt.plugins.adapters.plugin_library import BUILD_IT
from gridrt.plugins.contract import VERSION
from gridrt.runtime.tensorrt.library import RuntimeName
from gridrt.runtime.tensorrt.manifest import Manifest
from gridrt.runtime.tensorrt.plugins import LIBRARY_VARIABLE, plugin_library

SERVED: Mapping[RuntimeName, tuple[str, ...]] = {
    "tensorrt": ("7.5", "8.0", "8.6", "8.7", "8.9", "9.0", "10.0", "10.3", "11.0", "12.0", "12.1"),
    "tensorrt-rtx": ("7.5", "8.0", "8.6", "8.9", "12.0", "12.1"),
}
"""Compute capabilities of the GPUs that each runtime runs on, by NVIDIA's support matrices. TensorRT for RTX is for
GeForce and workstation GPUs: it has no kernels for the data-centre GPUs of Hopper (9.0) and Blackwell (10.0)."""

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
    """Refuse an engine that was built for GPUs of other compute capabilities, or whose runtime has no kernels for this.

    Args:
        manifest: of the engine.
        engine: its file.
        capability: of the GPU of this machine.

    Raises:
        EngineError: the engine was not built for this one.
    """
    own, runtime = format_capability(capability), manifest.runtime["name"]
    if own not in target_capabilities(manifest):
        raise EngineError(
            f"the engine was built for compute capability {format_targets(manifest)}, this GPU has {own}",
            place=engine,
            remedy=BUILD_AGAIN if serves(runtime, own) else remedy_for(own),
        )


def target_capabilities(manifest: Manifest) -> list[str]:
    """The compute capabilities that an engine was built for; by default those of its runtime from `OLDEST_GPU` on."""
    if manifest.compute_capabilities:
        return list(manifest.compute_capabilities)
    if manifest.gpu is not None and manifest.options["hardware"] != "ampere-plus":
        return [str(manifest.gpu["compute_capability"])]
    served = SERVED[manifest.runtime["name"]]
    return [each for each in served if tuple(map(int, each.split("."))) >= OLDEST_GPU]


def format_targets(manifest: Manifest) -> str:
    """The compute capabilities that an engine was built for, as people read them: "8.9, 12.0"."""
    return ", ".join(target_capabilities(manifest))


def format_capability(capability: tuple[int, int]) -> str:
    """(9, 0) -> "9.0"."""
    return ".".join(map(str, capability))


def serves(runtime: RuntimeName, capability: str) -> bool:
    """Whether a runtime runs on GPUs of a compute capability, such as "9.0"."""
    return capability in SERVED[runtime]


def remedy_for(capability: str) -> str:
    """What to do on a GPU that a runtime does not serve."""
    others = [name for name in SERVED if serves(name, capability)]
    if not others:
        return "No TensorRT serves this GPU; run the checkpoint (`backend` pytorch_cuda)."
    return f"Build it again for this GPU with `runtime` {others[0]}."
