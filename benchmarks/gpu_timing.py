"""Times on an NVIDIA GPU, by CUDA events."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

FLUSHED = 256 << 20
"""Bytes; more than any GPU's cache."""


@torch.inference_mode()
def interleaved_milliseconds(
    calls: Mapping[str, Callable[[], object]],
    *,
    warm_up: int,
    runs: int,
    seconds: float,
    before: Callable[[], object] = lambda: None,
) -> dict[str, list[float]]:
    """Milliseconds of each run of each call on the current stream; runs are interleaved, A B A B ...

    Args:
        calls: what to time, by name.
        warm_up: untimed rounds.
        runs: timed rounds, at most.
        seconds: after which no further round begins; there is at least one.
        before: put on the stream before each call, untimed.
    """
    for call in [*calls.values()] * warm_up:
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    ends = time.monotonic() + seconds
    for done in range(runs):
        if done and time.monotonic() > ends:
            break
        for name, call in calls.items():
            before()
            times[name].append(_milliseconds(call))
    return times


def _milliseconds(call: Callable[[], object]) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    call()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


def cache_flush() -> Callable[[], object]:
    """A large write, which empties the GPU's cache; launches queue up meanwhile."""
    return torch.empty(FLUSHED, dtype=torch.uint8, device="cuda").zero_


def summary(milliseconds: Sequence[float]) -> dict[str, Any]:
    """Median, 95th percentile (the nearest rank) and count."""
    ranked = sorted(milliseconds)
    return {
        "median_ms": statistics.median(ranked),
        "p95_ms": ranked[-(-95 * len(ranked) // 100) - 1],
        "count": len(ranked),
    }
