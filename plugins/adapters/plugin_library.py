"""Load the ops from `libgridrt_plugins.so`, which CMake builds (`plugins/library`)."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from gridrt.errors import EngineError
from gridrt.files import check_is_file
from gridrt.plugins.contract import DOMAIN, VERSION
from gridrt.plugins.kernel import Kernel

BUILD_IT = "Build it: see plugins/library/README.md."


def register_plugin_library(trt: ModuleType, path: Path, kernels: Sequence[Kernel]) -> None:
    """Let TensorRT's parser and runtime find the ops of a library, which stays loaded.

    Args:
        trt: the module `tensorrt` or `tensorrt_rtx`.
        path: of the library.
        kernels: one per op.

    Raises:
        EngineError: there is no such file, it cannot be loaded, or its ops or their version differ.
    """
    check_is_file(path, EngineError, BUILD_IT)
    try:
        ctypes.CDLL(str(path))  # TensorRT does not say why it failed
    except OSError as error:
        raise EngineError("cannot load the plugin library", place=path, value=error, remedy=BUILD_IT) from error
    registry = trt.get_plugin_registry()
    handle = registry.load_library(str(path))
    if handle is None:
        raise EngineError("the library has no TensorRT plugins", place=path, remedy=BUILD_IT)
    ours = (creator for creator in registry.all_creators if creator.plugin_namespace == DOMAIN)
    found = {creator.name: creator.plugin_version for creator in ours}
    if found != {kernel.contract.name: str(VERSION) for kernel in kernels}:
        registry.deregister_library(handle)
        raise EngineError(
            f"the library must have all ops of this GridRT, in version {VERSION}",
            place=path,
            value=", ".join(f"{name} {version}" for name, version in sorted(found.items())) or "none",
            remedy=BUILD_IT,
        )
