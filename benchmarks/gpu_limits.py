"""How fast a GPU can be at all, as PyTorch's own copies and products find it, in the same run as all else."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from benchmarks.gpu_timing import milliseconds_in_turns
from benchmarks.gpu_work import Work
from gridrt.plugins.contract import Precision

COPIED = 1 << 30
"""Bytes; much more than any GPU's cache."""
SIDE = 8192
"""Of the matrices that are multiplied."""
WARM_UP, RUNS, SECONDS = 3, 10, 10.0


@dataclass(frozen=True)
class Limits:
    """What a GPU does in a second.

    Attributes:
        bytes_per_second: read or written, when memory is copied.
        flops: multiplications and additions of matrix products, by the precision of the factors; float32 without TF32.
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


def measured_limits() -> Limits:
    """Those of the current GPU: a copy of 1 GiB, and products of 8192 x 8192 matrices."""
    return Limits(_bandwidth(), {"float32": _flops(torch.float32), "float16": _flops(torch.float16)})


def _bandwidth() -> float:
    source, target = (torch.zeros(COPIED, dtype=torch.uint8, device="cuda") for _ in range(2))
    return 2 * COPIED / _seconds(lambda: target.copy_(source))


def _flops(dtype: torch.dtype) -> float:
    left, right = (torch.randn(SIDE, SIDE, device="cuda", dtype=dtype) for _ in range(2))
    torch.backends.cuda.matmul.allow_tf32 = False
    return 2 * float(SIDE) ** 3 / _seconds(lambda: left @ right)


def _seconds(call: Callable[[], object]) -> float:
    times = milliseconds_in_turns({"call": call}, warm_up=WARM_UP, runs=RUNS, seconds=SECONDS)["call"]
    return statistics.median(times) / 1000
