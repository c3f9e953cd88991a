"""A kernel at one of the shapes of R-50, and what it is compared with."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from benchmarks.gpu_cost import Cost
from gridrt.plugins.kernel import Kernel, Variant

IMAGE_SIZE = (800, 1344)
"""Height and width in pixels."""

WITHOUT_TORCHVISION = "(no torchvision here)"

Baseline: TypeAlias = tuple[str, Callable[[], object]]
"""What PyTorch would launch in the place of a kernel: its name, and the call."""


@dataclass(frozen=True)
class Case:
    """A kernel at one of the shapes of R-50.

    Attributes:
        kernel: of the op.
        variant: one of the kernel's.
        attributes: of the node.
        inputs: on the CPU.
        shape: that tells this case from the others of the variant.
        cost: bytes and FLOP of a launch.
        baseline: is called on the GPU, when the case is timed.
    """

    kernel: Kernel
    variant: Variant
    attributes: Mapping[str, Any]
    inputs: Sequence[Tensor]
    shape: Sequence[int]
    cost: Cost
    baseline: Callable[[], Baseline]

    @property
    def name(self) -> str:
        """Op, variant and shape."""
        return f"{self.kernel.contract.name} {self.variant.name} {list(self.shape)}"


def on_gpu(tensors: Sequence[Tensor], variant: Variant) -> list[Tensor]:
    """Features as a baseline takes them, in the variant's precision and layout."""
    layout = torch.channels_last if variant.channels_last else torch.contiguous_format
    return [
        tensor.cuda()
        .to(getattr(torch, variant.precision))
        .contiguous(memory_format=layout if tensor.dim() == 4 else torch.contiguous_format)
        for tensor in tensors
    ]


def torchvision_ops() -> Any:  # noqa: ANN401 - a module, or None
    """Torchvision's ops; None if they do not load, or have no kernels for this GPU."""
    try:
        ops = importlib.import_module("torchvision.ops")
        ops.nms(torch.zeros((1, 4), device="cuda"), torch.zeros(1, device="cuda"), 0.5)
    except Exception:  # noqa: BLE001 - a broken package may raise anything
        return None
    return ops
