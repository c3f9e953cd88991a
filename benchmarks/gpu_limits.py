"""How fast a GPU can be at all, as PyTorch's own copies and products find it, in the same run as all else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from benchmarks.gpu_work import Work
from gridrt.plugins.contract import Precision
from gridrt.runtime import peaks as limits

GPU = torch.device("cuda")
PRECISIONS: tuple[Precision, ...] = ("float32", "float16")


@dataclass(frozen=True)
class Peaks:
    """What a GPU does in a second.

    Attributes:
        bytes_per_second: read or written, when memory is copied.
        flops: multiplications and additions of products, by the precision of the factors; float32 without TF32.
    """

    bytes_per_second: float
    flops: Mapping[Precision, float]

    def seconds(self, work: Work) -> dict[str, float]:
        """The least that memory takes for some work, and the least that arithmetic takes."""
        arithmetic = sum(count / self.flops[precision] for precision, count in work.flops.items())
        return {"memory": work.bytes / self.bytes_per_second, "arithmetic": arithmetic}

    def share(self, work: Work, seconds: float) -> tuple[float, str]:
        """The part of `seconds` that the work needs at least, and what needs it: memory or arithmetic."""
        least = self.seconds(work)
        limit = max(least, key=lambda name: least[name])
        return least[limit] / seconds, limit


def measured_peaks() -> Peaks:
    """Those of the current GPU, as `gridrt bench` measures them."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    found = {precision: limits.measured_peaks(GPU, getattr(torch, precision)) for precision in PRECISIONS}
    rates = {precision: each.flops for precision, each in found.items()}
    return Peaks(max(each.bytes for each in found.values()), rates)
