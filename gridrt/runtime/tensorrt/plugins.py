"""Provide the custom ops of an engine as TensorRT plugins: by a library, by Python, or compiled into the engine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, TypeAlias

from gridrt.errors import EngineError
from gridrt.plugins.adapters.cuda_kernel import cuda_core
from gridrt.plugins.adapters.plugin_library import BUILD_IT, register_plugin_library
from gridrt.plugins.adapters.python_plugin import CreatorLogic, register_python_plugins
from gridrt.plugins.aot.definitions import define_plugins, refuse_unfit
from gridrt.plugins.aot.ptx import nvrtc_bindings, ptx_of
from gridrt.plugins.contract import DOMAIN
from gridrt.plugins.kernels import KERNELS
from gridrt.runtime.tensorrt.library import TensorRT

Adapter: TypeAlias = Literal["library", "python", "aot"]
"""`aot`: ahead of time; the engine contains the kernels."""
ADAPTERS: tuple[Adapter, ...] = ("library", "python", "aot")

LIBRARY_VARIABLE = "GRIDRT_PLUGIN_LIBRARY"
"""Path of the plugin library, both where engines are built and where they run."""


def chosen_adapter(plugins: Literal["auto"] | Adapter) -> Adapter:
    """Resolve "auto": the library where `LIBRARY_VARIABLE` names one, else Python."""
    if plugins != "auto":
        return plugins
    return "library" if os.environ.get(LIBRARY_VARIABLE) else "python"


def plugin_library() -> Path:
    """The file of the plugin library.

    Raises:
        EngineError: `LIBRARY_VARIABLE` is not set.
    """
    named = os.environ.get(LIBRARY_VARIABLE)
    if not named:
        raise EngineError(
            f"{LIBRARY_VARIABLE} must name the file libgridrt_plugins.so", place="plugins", remedy=BUILD_IT
        )
    return Path(named)


def prepare_plugins(adapter: Adapter, library: TensorRT) -> None:
    """Let TensorRT's parser find the ops as plugins of one adapter, before an engine is built.

    Raises:
        DependencyError: what compiles the kernels is missing.
        EngineError: the adapter is not for this TensorRT; its library is missing or another version's; or the process
            has plugins of another adapter.
    """
    if adapter == "aot":
        refuse_unfit(library.trt)
        nvrtc_bindings()
    elif adapter == "python" and not library.is_rtx:
        cuda_core()  # TensorRT times the plugins while it builds
    _register(adapter, library)


def prepare_to_run(adapter: Adapter, library: TensorRT) -> None:
    """Let TensorRT's runtime find the plugins of an engine; one that contains its kernels needs none.

    Raises:
        DependencyError: what compiles the kernels is missing.
        EngineError: as `prepare_plugins`.
    """
    if adapter == "python":
        cuda_core()  # without it, plugins would fail in the midst of a run
    if adapter != "aot":
        _register(adapter, library)


def _register(adapter: Adapter, library: TensorRT) -> None:
    file = plugin_library() if adapter == "library" else None
    present = _registered(library)
    if present == adapter:
        return
    if present is not None:
        raise EngineError(
            f"cannot register {adapter} plugins: this process has {present} plugins already",
            place="plugins",
            remedy="Start another process for this engine.",
        )
    if file is not None:
        register_plugin_library(library.trt, file, KERNELS)
    elif adapter == "python":
        register_python_plugins(library.trt, KERNELS)
    else:
        define_plugins(KERNELS, ptx_of)


def _registered(library: TensorRT) -> Adapter | None:
    """The adapter whose plugins TensorRT has, if any; its registry is the process's."""
    registry = library.trt.get_plugin_registry()
    ours = [creator for creator in registry.all_creators if creator.plugin_namespace == DOMAIN]
    if not ours:
        return None
    if isinstance(ours[0], CreatorLogic):
        return "python"
    quick = getattr(library.trt, "IPluginCreatorV3Quick", None)
    return "aot" if quick is not None and isinstance(ours[0], quick) else "library"
