"""The CPU and the GPUs of this machine, by the names that its system gives them."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# The instruction sets that decide the speed of convolutions, in float and in int8.
_INSTRUCTION_SETS = (
    *("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8"),
    *("asimd", "asimddp", "i8mm", "bf16", "sve"),
)
INT8_PRODUCTS = frozenset(("avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"))
"""Instructions that add products of 8-bit integers in 32 bits; without them, sums in 16 bits saturate."""
BF16_PRODUCTS = frozenset(("avx512_bf16", "amx_bf16", "bf16"))


@dataclass(frozen=True)
class Cpu:
    """The CPU.

    Attributes:
        name: the vendor's name of the model.
        cores: logical cores that this process may use.
        instruction_sets: those that matter for convolutions, by the Linux kernel's names; empty if unknown.
    """

    name: str
    cores: int
    instruction_sets: tuple[str, ...]

    @property
    def int8_products(self) -> tuple[str, ...]:
        """The instruction sets that make INT8 exact and fast; empty without any, or if unknown."""
        return tuple(name for name in self.instruction_sets if name in INT8_PRODUCTS)

    @property
    def bf16_products(self) -> tuple[str, ...]:
        """The instruction sets that multiply in BF16; empty without any, or if unknown."""
        return tuple(name for name in self.instruction_sets if name in BF16_PRODUCTS)

    @property
    def precisions(self) -> str:
        """What it multiplies in, for people."""
        int8, bf16 = (", ".join(found) for found in (self.int8_products, self.bf16_products))
        if not self.instruction_sets:
            return "unknown"
        return f"FP32; {f'BF16 by {bf16}' if bf16 else 'no BF16'}; {f'INT8 by {int8}' if int8 else 'INT8 without VNNI'}"


@dataclass(frozen=True)
class Gpu:
    """A CUDA GPU.

    Attributes:
        name: the vendor's name of the model.
        memory_mib: memory in MiB.
        compute_capability: such as "9.0".
        driver: version of the driver; "unknown" if nvidia-smi is missing.
    """

    name: str
    memory_mib: int
    compute_capability: str
    driver: str


def find_cpu(cpuinfo: Path = Path("/proc/cpuinfo")) -> Cpu:
    """The CPU that this process runs on. Never raises."""
    fields = _first_block(cpuinfo)
    flags = fields.get("flags", fields.get("Features", "")).split()
    return Cpu(
        name=fields.get("model name") or platform.processor() or platform.machine(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        instruction_sets=tuple(name for name in _INSTRUCTION_SETS if name in flags),
    )


def _first_block(cpuinfo: Path) -> dict[str, str]:
    """The `key : value` lines of the first core."""
    try:
        block = cpuinfo.read_text().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.partition(":") for line in block.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def find_gpus() -> list[Gpu]:
    """The CUDA GPUs that nvidia-smi lists, or torch if nvidia-smi is missing. Never raises."""
    return _gpus_by_nvidia_smi() or _gpus_by_torch()


def _gpus_by_nvidia_smi() -> list[Gpu]:
    query = ("--query-gpu=name,memory.total,compute_cap,driver_version", "--format=csv,noheader,nounits")
    try:
        rows = [[part.strip() for part in line.split(",")] for line in nvidia_smi(query).splitlines()]
        return [Gpu(name, int(memory), capability, driver) for name, memory, capability, driver in rows]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []


def nvidia_smi(arguments: Sequence[str], timeout: float = 60) -> str:
    """Run the driver's command-line tool and return its output.

    Raises:
        OSError: nvidia-smi is not installed, or cannot be run.
        subprocess.SubprocessError: it fails, or takes longer than `timeout` seconds.
    """
    program = shutil.which("nvidia-smi")
    if program is None:
        raise FileNotFoundError("nvidia-smi is not installed")
    command = [program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=True).stdout  # noqa: S603 - no part of it comes from outside


def _gpus_by_torch() -> list[Gpu]:
    """The GPUs that torch sees: containers often have the driver without its tools."""
    try:
        import torch

        found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    except Exception:  # noqa: BLE001 - a broken torch may raise anything; `find_packages` reports it
        return []
    return [Gpu(gpu.name, gpu.total_memory >> 20, f"{gpu.major}.{gpu.minor}", "unknown") for gpu in found]
