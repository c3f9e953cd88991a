"""What many timed runs come to."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Latency:
    """Seconds of one image, over many runs; percentiles are interpolated linearly.

    Attributes:
        runs: how many.
        mean: of all runs.
        p50: half of the runs take no longer; likewise the next two.
        fps: images per second at the median.
    """

    runs: int
    mean: float
    p50: float
    p95: float
    p99: float
    fps: float


def latency_of(seconds: Sequence[float]) -> Latency:
    """Sum up at least one run."""
    p50, p95, p99 = (float(value) for value in np.percentile(seconds, (50, 95, 99)))
    return Latency(len(seconds), statistics.fmean(seconds), p50, p95, p99, 1 / p50)


def speedup(reference: Sequence[float], other: Sequence[float]) -> float:
    """How often faster than a reference, as the median over runs that were made side by side.

    Pairs, since a machine that slows down slows both of a pair, and an image with many objects takes both longer.

    Args:
        reference: seconds of each run; at least one.
        other: of the run beside it.
    """
    return statistics.median(slow / fast for slow, fast in zip(reference, other, strict=True))
