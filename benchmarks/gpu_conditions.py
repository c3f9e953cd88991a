"""The conditions of figures that are measured on a GPU."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeAlias

import gridrt
from gridrt.errors import DependencyError
from gridrt.machine.devices import find_cpu, find_gpus, nvidia_smi
from gridrt.runtime.tensorrt.compatibility import serves
from gridrt.runtime.tensorrt.library import RuntimeName, TensorRT, load_tensorrt

RUNTIMES: tuple[RuntimeName, ...] = ("tensorrt", "tensorrt-rtx")
PACKAGES = (
    *("torch", "torchvision", "triton", "numpy", "onnx", "onnxruntime"),
    *("cuda-bindings", "cuda-core", "nvidia-cuda-nvrtc", "polygraphy"),
)
STATE = ("clocks.sm", "clocks.max.sm", "clocks.mem", "clocks.max.mem", "power.draw", "power.limit", "temperature.gpu")
"""Fields of nvidia-smi that say how fast a GPU runs just now."""

Run: TypeAlias = Callable[[Sequence[str]], str]
_ANSWERED_SOON: Run = partial(nvidia_smi, timeout=30)


def require_gpu() -> None:
    """Refuse a machine where nothing can be measured.

    Raises:
        DependencyError: PyTorch can use no GPU.
    """
    import torch

    if not torch.cuda.is_available():
        raise DependencyError(
            f"PyTorch {torch.__version__} cannot use an NVIDIA GPU",
            place="CUDA",
            value="no usable GPU" if torch.version.cuda else "a PyTorch without CUDA",
            remedy="`gridrt doctor` lists what is missing.",
        )


def gpu_conditions() -> dict[str, Any]:
    """GPU, driver, clocks, versions and date, ready for JSON. Never raises: what is not known has its reason."""
    import torch

    try:
        library = tensorrt_here()
        tensorrt = f"{library.name} {library.version}"
    except DependencyError as error:
        tensorrt = str(error)
    return {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "gpus": [asdict(gpu) for gpu in find_gpus()],
        "clocks": gpu_state(),
        "cuda_of_torch": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "tensorrt": tensorrt,
        "cpu": find_cpu().name,
        "cores": find_cpu().cores,
        "platform": platform.platform(),
        "versions": {
            "gridrt": gridrt.__version__,
            "python": platform.python_version(),
            **{name: _version(name) for name in PACKAGES},
        },
    }


def gpu_state(run: Run = _ANSWERED_SOON) -> Mapping[str, str] | str:
    """Clocks, power and temperature of the first GPU, or why they are not known.

    Args:
        run: runs nvidia-smi with arguments, and returns its output.
    """
    try:
        line = run([f"--query-gpu={','.join(STATE)}", "--format=csv,noheader"]).splitlines()[0]
    except (OSError, subprocess.SubprocessError, IndexError) as error:
        return f"not known: {error}"
    return dict(zip(STATE, (part.strip() for part in line.split(",")), strict=False))


def tensorrt_here() -> TensorRT:
    """TensorRT, or where that does not load or has no kernels for the GPU, TensorRT for RTX.

    Raises:
        DependencyError: neither loads, or has kernels for the GPU.
    """
    found: list[str] = []
    capabilities = [gpu.compute_capability for gpu in find_gpus()[:1]]
    for name in RUNTIMES:
        if not all(serves(name, capability) for capability in capabilities):
            found.append(f"{name}: no kernels for compute capability {capabilities[0]}")
            continue
        try:
            return load_tensorrt(name)
        except DependencyError as error:
            found.append(f"{name}: {error.value}")
    raise DependencyError("cannot load TensorRT, nor TensorRT for RTX", value="; ".join(found))


def _version(package: str) -> str | None:
    """From the package's metadata: importing all packages would take a GPU's memory, and time."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
