"""All that figures of a GPU depend on."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeAlias

import torch

import gridrt
from gridrt.errors import DependencyError
from gridrt.machine.devices import find_cpu, find_gpus, nvidia_smi
from gridrt.runtime.tensorrt.library import RuntimeName, TensorRT, load_tensorrt

RUNTIMES: tuple[RuntimeName, ...] = ("tensorrt", "tensorrt-rtx")
PACKAGES = (
    *("torch", "torchvision", "triton", "numpy", "onnx", "onnxruntime"),
    *("cuda-bindings", "cuda-core", "nvidia-cuda-nvrtc", "polygraphy"),
)
STATE = ("clocks.sm", "clocks.max.sm", "clocks.mem", "clocks.max.mem", "power.draw", "power.limit", "temperature.gpu")
"""What nvidia-smi tells of how fast a GPU runs just now."""

Run: TypeAlias = Callable[[Sequence[str]], str]
_ANSWERED_SOON: Run = partial(nvidia_smi, timeout=30)


def require_gpu() -> None:
    """Refuse a machine where nothing can be measured.

    Raises:
        DependencyError: PyTorch can use no GPU.
    """
    if not torch.cuda.is_available():
        found = "none that it can use" if torch.version.cuda else "a PyTorch without CUDA"
        rule = f"this needs an NVIDIA GPU, and a PyTorch for it (here {torch.__version__})"
        raise DependencyError(rule, place="CUDA", value=found, remedy="gridrt doctor tells what is missing.")


def gpu_conditions() -> dict[str, Any]:
    """GPU, driver, clocks, versions and date, ready for JSON. Never raises: what cannot be told says so."""
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "gpus": [asdict(gpu) for gpu in find_gpus()],
        "clocks": gpu_state(),
        "cuda_of_torch": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "tensorrt": _tensorrt_told(),
        "cpu": find_cpu().name,
        "cores": find_cpu().cores,
        "platform": platform.platform(),
        "versions": _versions(),
    }


def gpu_state(run: Run = _ANSWERED_SOON) -> Mapping[str, str] | str:
    """Clocks, power and temperature of the first GPU, or why they are not known.

    Args:
        run: gives what nvidia-smi answers to arguments.
    """
    try:
        line = run([f"--query-gpu={','.join(STATE)}", "--format=csv,noheader"]).splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        return f"not told: {error}"
    return dict(zip(STATE, (part.strip() for part in line.split(",")), strict=False))


def tensorrt_here() -> TensorRT:
    """TensorRT, or where that does not load, TensorRT for RTX.

    Raises:
        DependencyError: neither loads.
    """
    found: list[str] = []
    for name in RUNTIMES:
        try:
            return load_tensorrt(name)
        except DependencyError as error:  # noqa: PERF203 - two of them
            found.append(f"{name}: {error.value}")
    raise DependencyError("engines need TensorRT or TensorRT for RTX", value="; ".join(found))


def _tensorrt_told() -> str:
    try:
        library = tensorrt_here()
    except DependencyError as error:
        return str(error)
    return f"{library.name} {library.version}"


def _versions() -> dict[str, str | None]:
    """By the packages' own word: importing them all would take a GPU's memory, and time."""
    versions = {"gridrt": gridrt.__version__, "python": platform.python_version()}
    return {**versions, **{name: _version(name) for name in PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
