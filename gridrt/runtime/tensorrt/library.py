"""TensorRT or TensorRT for RTX: one interface, whichever there is on this machine."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Literal, TypeAlias

from gridrt.errors import DependencyError
from gridrt.machine.devices import find_gpus
from gridrt.plugins.adapters.bindings import joined
from gridrt.runtime.tensorrt.rtx_soname import load_alias

if TYPE_CHECKING:
    import tensorrt

RuntimeName: TypeAlias = Literal["tensorrt", "tensorrt-rtx"]

_MODULES: Mapping[RuntimeName, str] = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}
_EXTRAS: Mapping[RuntimeName, str] = {"tensorrt": "trt", "tensorrt-rtx": "trt-rtx"}
_OLDEST: Mapping[RuntimeName, tuple[int, int]] = {"tensorrt": (10, 8), "tensorrt-rtx": (1, 2)}

LAYERS = "Layers:\n"
"""The first line of TensorRT's list of an engine's layers."""


@dataclass
class MessageLog:
    """What TensorRT says while it works.

    Attributes:
        errors: in their order.
        warnings: each once.
        layers: the list of an engine's layers, which it gives at the end of a build; the inspector's text, and it
            needs no GPU.
    """

    errors: list[str] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)
    layers: str = ""

    def log(self, severity: tensorrt.ILogger.Severity, message: str) -> None:
        """As TensorRT calls it."""
        if severity.name in {"INTERNAL_ERROR", "ERROR"}:
            self.errors.append(message.strip())
        elif severity.name == "WARNING":
            self.warnings[message.strip()] = None
        elif message.startswith(LAYERS):
            self.layers = message.removeprefix(LAYERS)

    def clear(self) -> None:
        """Forget all of it."""
        self.errors.clear()
        self.warnings.clear()
        self.layers = ""


@dataclass(frozen=True)
class TensorRT:
    """The library.

    Attributes:
        name: which one it is.
        trt: its Python module.
        log: what it says; TensorRT wants one for the whole process.
    """

    name: RuntimeName
    trt: ModuleType
    log: MessageLog

    @property
    def version(self) -> str:
        """Such as 10.13.3.9."""
        return str(self.trt.__version__)

    @property
    def is_rtx(self) -> bool:
        """Whether it builds for GPUs that need not be here."""
        return self.name == "tensorrt-rtx"


def load_tensorrt(runtime: Literal["auto"] | RuntimeName) -> TensorRT:
    """Import the library.

    Args:
        runtime: "auto" is TensorRT where it is installed and there is a GPU for it, else TensorRT for RTX.

    Raises:
        DependencyError: it is not installed, does not import, or is too old.
    """
    if runtime != "auto":
        return _load(runtime)
    usable: tuple[RuntimeName, ...] = ("tensorrt", "tensorrt-rtx") if find_gpus() else ("tensorrt-rtx",)
    installed = (name for name in usable if importlib.util.find_spec(_MODULES[name]) is not None)
    return _load(next(installed, usable[0]))


@cache
def _load(name: RuntimeName) -> TensorRT:
    try:
        trt = importlib.import_module(_MODULES[name])
    except (ImportError, OSError) as error:  # its libraries, too, may be missing
        raise _unusable(name, error) from error
    version = tuple(int(part) for part in trt.__version__.split(".")[:2])
    if version < _OLDEST[name]:
        raise _unusable(name, f"version {trt.__version__}")
    if name == "tensorrt-rtx":
        _mend_wheel()
    return TensorRT(name, trt, joined(MessageLog, trt.ILogger)())


def _unusable(name: RuntimeName, found: object) -> DependencyError:
    major, minor = _OLDEST[name]
    remedy = f'Run: pip install "gridrt[{_EXTRAS[name]}]"'
    return DependencyError(f"must be {name} {major}.{minor} or later", place=name, value=found, remedy=remedy)


def _mend_wheel() -> None:
    """Make the library findable by the name that its own parser opens; the wheel ships it under another."""
    libraries = importlib.util.find_spec("tensorrt_rtx_libs")
    if libraries is not None and libraries.origin is not None:
        load_alias(Path(libraries.origin).parent)
