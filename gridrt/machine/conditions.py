"""The conditions of a measurement: hardware, system and versions."""

from __future__ import annotations

import platform
from dataclasses import asdict
from typing import Any

import gridrt
from gridrt.machine.devices import find_cpu, find_gpus
from gridrt.machine.packages import find_packages


def machine() -> dict[str, Any]:
    """Processor, GPUs, system and versions, ready for JSON."""
    import torch

    cpu, packages = find_cpu(), find_packages()
    versions = {name: packages[name].version for name in ("torch", "onnx", "onnxruntime", "openvino", "numpy")}
    return {
        "cpu": cpu.name,
        "cores": cpu.cores,
        "instruction_sets": list(cpu.instruction_sets),
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "gpus": [asdict(gpu) for gpu in find_gpus()],
        "platform": platform.platform(),
        "versions": {"gridrt": gridrt.__version__, "python": platform.python_version(), **versions},
    }
