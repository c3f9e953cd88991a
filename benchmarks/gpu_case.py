"""A kernel at one of the shapes of R-50, and what it is compared with."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from benchmarks.gpu_cost import Cost
from gridrt.plugins.kernel import Kernel, Variant

IMAGE_SIZE = (800, 1344)
"""Height and width in pixels."""

WITHOUT_TORCHVISION = "(no torchvision here)"

Inputs: TypeAlias = Sequence[Tensor]
"""Of an op, in the order of its contract."""


@dataclass(frozen=True)
class Baseline:
    """What PyTorch would launch in the place of a kernel.

    Attributes:
        name: of what is launched.
        call: launches it.
        is_captured: whether a CUDA graph replays it, as it does the kernel; else each launch costs Python's time, and
            what waits for the GPU waits.
    """

    name: str
    call: Callable[[], object]
    is_captured: bool


@dataclass(frozen=True)
class Case:
    """A kernel at one of the shapes of R-50.

    Attributes:
        kernel: of the op.
        variant: one of the kernel's.
        attributes: of the node.
        inputs: on the CPU.
        origin: where they come from: random, or of a photograph.
        shape: that tells this case from the others of the variant.
        cost: bytes and FLOP of a launch; None where neither bounds its time.
        baselines: on the GPU, for inputs that are there; the first is what speed is judged by.
    """

    kernel: Kernel
    variant: Variant
    attributes: Mapping[str, Any]
    inputs: Inputs
    origin: str
    shape: Sequence[int]
    cost: Cost | None
    baselines: Callable[[Inputs], Iterable[Baseline]]

    @property
    def name(self) -> str:
        """Op, variant and shape."""
        return f"{self.kernel.contract.name} {self.variant.name} {list(self.shape)} {self.origin}"


def torchvision_ops() -> Any:  # noqa: ANN401 - a module, or None
    """Torchvision's ops; None if they do not load, or have no kernels for this GPU."""
    try:
        ops = importlib.import_module("torchvision.ops")
        ops.nms(torch.zeros((1, 4), device="cuda"), torch.zeros(1, device="cuda"), 0.5)
    except Exception:  # noqa: BLE001 - a broken package may raise anything
        return None
    return ops
