"""What `benchmarks.gpu` needs besides a GPU: what is here, in which version, and how to get the rest.

It starts no GPU and answers in seconds; PyTorch is imported only where there is no nvidia-smi to ask for GPUs.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.gpu_sanitizer import find_sanitizer
from gridrt.errors import DependencyError
from gridrt.machine.devices import find_gpus
from gridrt.plugins.adapters.cuda_kernel import cuda_core
from gridrt.runtime.tensorrt.compatibility import serves
from gridrt.runtime.tensorrt.library import RuntimeName

Check = Callable[[], "str | None"]
"""What keeps a requirement from being met; None where it is met."""


@dataclass(frozen=True)
class Requirement:
    """Something that a part needs.

    Attributes:
        check: looks for it.
        remedy: how to get it.
    """

    check: Check
    remedy: str


def version_problem(package: str, least: int = 0, module: str | None = None) -> str | None:
    """Why a package is missing or too old; None if it is neither.

    Args:
        package: its name on the package index.
        least: major version.
        module: to be found, where its name differs from the package's.
    """
    try:
        if importlib.util.find_spec(module or package) is None:
            return "not installed"
        version = importlib.metadata.version(package)
    except (ImportError, ValueError, importlib.metadata.PackageNotFoundError):
        return "not installed"
    return f"version {version} is older than {least}" if int(version.split(".")[0]) < least else None


def _gpu_problem() -> str | None:
    return None if find_gpus() else "none is found"


def _torch_problem() -> str | None:
    if problem := version_problem("torch", 2):
        return problem
    version = importlib.metadata.version("torch")
    if "+cpu" in version:
        return f"{version} is built without CUDA"
    return f"{version} is older than 2.13" if tuple(map(int, version.split(".")[:2])) < (2, 13) else None


def _by_error(call: Callable[[], object]) -> str | None:
    try:
        call()
    except DependencyError as error:
        return " ".join(filter(None, (error.rule, str(error.value or ""))))
    return None


def _tensorrt_problem() -> str | None:
    """Neither of the two is imported: that would load gigabytes."""
    gpu = next(iter(find_gpus()), None)
    installed = [name for name, module in _RUNTIMES.items() if importlib.util.find_spec(module) is not None]
    if not installed:
        return "not installed"
    if gpu is None or any(serves(name, gpu.compute_capability) for name in installed):
        return None
    return f"{', '.join(installed)} has no kernels for compute capability {gpu.compute_capability}"


def photographs(environment: Mapping[str, str]) -> Path | None:
    """The folder of BCCD's photographs, if it is there."""
    folder = Path(environment.get("GRIDRT_DATA", "../shared/data"), "bccd")
    return folder if (folder / "annotations").is_dir() else None


_RUNTIMES: Mapping[RuntimeName, str] = {"tensorrt": "tensorrt", "tensorrt-rtx": "tensorrt_rtx"}


def _package(package: str, least: int = 0, module: str | None = None) -> Requirement:
    needed = f'"{package}>={least}"' if least else package
    return Requirement(partial(version_problem, package, least, module), f"pip install {needed}")


REQUIREMENTS: Mapping[str, Requirement] = {
    "GPU": Requirement(_gpu_problem, "An NVIDIA GPU of compute capability 7.5 or later, with its driver."),
    "PyTorch": Requirement(_torch_problem, "pip install torch, the build for the driver's CUDA."),
    "cuda-core": Requirement(partial(_by_error, cuda_core), 'pip install "cuda-core>=1" "cuda-bindings>=13"'),
    "NVRTC": _package("nvidia-cuda-nvrtc", 13, "nvidia"),
    "pytest": _package("pytest", 9),  # an older one ignores [tool.pytest] of pyproject.toml: its marks and its options
    "pytest-timeout": _package("pytest-timeout", 2, "pytest_timeout"),
    "filelock": _package("filelock", 3),
    "hypothesis": _package("hypothesis", 6),
    "compute-sanitizer": Requirement(
        partial(_by_error, partial(find_sanitizer, os.environ)), "The CUDA toolkit; set CUDA_HOME."
    ),
    "torchvision": _package("torchvision"),
    "Triton": _package("triton", 3),
    "TensorRT": Requirement(_tensorrt_problem, 'pip install "gridrt[trt]", or "gridrt[trt-rtx]" for GeForce and RTX.'),
    "Polygraphy": _package("polygraphy"),
    "pycocotools": _package("pycocotools", 2),
    "photographs": Requirement(
        lambda: None if photographs(os.environ) else "no bccd/ in the folder that GRIDRT_DATA names",
        "Without them, synthetic images are used.",
    ),
}
"""By name, those of all parts first."""

OF_ALL = ("GPU", "PyTorch")
"""Without these nothing runs."""


def missing(names: Iterable[str]) -> dict[str, str]:
    """The requirements that are not met, with the reason."""
    return {name: problem for name in names if (problem := REQUIREMENTS[name].check()) is not None}
