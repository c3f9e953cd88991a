"""The peaks of a GPU, measured by PyTorch's own copies and products in the same run as all else, and the roofline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from benchmarks.gpu_cost import Cost
from gridrt.plugins.contract import FeatureType
from gridrt.runtime import peaks as runtime_peaks

GPU = torch.device("cuda")
FEATURE_TYPES: tuple[FeatureType, ...] = ("float32", "float16")


@dataclass(frozen=True)
class Peaks:
    """What a GPU does in a second.

    Attributes:
        bytes_per_second: read or written, when memory is copied.
        flops: multiplications and additions of products, by the precision of the factors; float32 without TF32.
    """

    bytes_per_second: float
    flops: Mapping[FeatureType, float]

    def bounds(self, cost: Cost) -> dict[str, float]:
        """Seconds that a launch takes at least, by memory and by arithmetic."""
        arithmetic = sum(count / self.flops[precision] for precision, count in cost.flops.items())
        return {"memory": cost.bytes / self.bytes_per_second, "arithmetic": arithmetic}

    def share(self, cost: Cost, seconds: float) -> tuple[float, str]:
        """The bound as a share of `seconds`, and what it is bound by: memory or arithmetic."""
        bounds = self.bounds(cost)
        bound_by = max(bounds, key=lambda name: bounds[name])
        return bounds[bound_by] / seconds, bound_by


def measured_peaks() -> Peaks:
    """The peaks of the current GPU, as `gridrt bench` measures them."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    found = {precision: runtime_peaks.measured_peaks(GPU, getattr(torch, precision)) for precision in FEATURE_TYPES}
    rates = {precision: each.flops for precision, each in found.items()}
    return Peaks(max(each.bytes for each in found.values()), rates)
