"""NVIDIA's compiler, if it is installed, and the resources of a kernel that it reports."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gridrt.errors import DependencyError, GridRTError
from gridrt.files import temporary_folder
from gridrt.plugins.kernel import INCLUDES

ARCHITECTURES = ("80", "86", "89", "90", "100", "120")
"""The GPUs that kernels are made for: A100, RTX 30, L4 and RTX 40, H100, B200, RTX 50."""

_OF_ONE_ARCHITECTURE = re.compile(
    r"Compiling entry function '(?P<symbol>\w+)' for 'sm_(?P<architecture>\d+)'.*?"
    r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads.*?"
    r"Used (?P<registers>\d+) registers(?P<rest>[^\n]*)",
    re.DOTALL,
)
_SHARED_MEMORY = re.compile(r"(\d+) bytes smem")


@dataclass(frozen=True)
class Resources:
    """The resources of one thread or block of a kernel.

    Attributes:
        architecture: such as "90".
        registers: of a thread.
        stack: bytes of local memory of a thread, spills included.
        spilled: bytes of registers that are stored to local memory and loaded from it.
        shared_memory: static bytes of a block.
    """

    architecture: str
    registers: int
    stack: int
    spilled: int
    shared_memory: int


def find_nvcc() -> str:
    """Path of the compiler.

    Raises:
        DependencyError: it is not on the PATH.
    """
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        raise DependencyError(
            "NVIDIA's compiler is missing on the PATH",
            place="nvcc",
            remedy="Install CUDA 12.8 or later, and add its bin folder to the PATH.",
        )
    return nvcc


def nvcc_version() -> str:
    """Such as 13.0.88."""
    output = subprocess.run([find_nvcc(), "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
    return output.rpartition(" V")[2].split()[0]


def resources_of(source: Path, options: Sequence[str], architectures: Sequence[str]) -> list[Resources]:
    """Compile the one kernel in `source`, and give its resources for each architecture.

    Raises:
        DependencyError: there is no nvcc.
        GridRTError: it does not compile.
    """
    targets = [f"-gencode=arch=compute_{number},code=sm_{number}" for number in architectures]
    folders = [f"-I{folder}" for folder in INCLUDES]
    with temporary_folder() as folder:
        output = ["-o", str(Path(folder) / "kernel.fatbin")]
        # Warnings are errors, since other compilers may refuse the same code.
        flags = ["-fatbin", "-std=c++17", "-Werror=all-warnings", "-Xptxas=-v", *targets, *folders, *options]
        done = subprocess.run([find_nvcc(), *flags, str(source), *output], capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise GridRTError("nvcc failed to compile the kernel", place=source, value=done.stdout + done.stderr)
    return resources_in(done.stdout + done.stderr)


def resources_in(log: str) -> list[Resources]:
    """The resources for each architecture, from the log of the assembler."""
    return [
        Resources(
            architecture=found["architecture"],
            registers=int(found["registers"]),
            stack=int(found["stack"]),
            spilled=int(found["stores"]) + int(found["loads"]),
            shared_memory=sum(map(int, _SHARED_MEMORY.findall(found["rest"]))),
        )
        for found in _OF_ONE_ARCHITECTURE.finditer(log)
    ]
