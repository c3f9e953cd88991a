"""Times on an NVIDIA GPU, by CUDA events.

One launch from Python costs 16 to 50 us, more than some kernels take. So short work is timed in a CUDA graph of
`LAUNCHES` launches, over inputs that rotate, so that the GPU's cache does not hold them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

FLUSHED = 1 << 30
"""Bytes: several times any GPU's cache, and long enough for launches to queue up meanwhile."""
LAUNCHES = 20
"""In a graph."""
ROTATED = 256 << 20
"""Bytes of inputs that launches rotate over, at least; more than any GPU's cache."""
MOST_SETS = 20


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


def input_sets(size: int) -> int:
    """How many sets of inputs of `size` bytes the launches of a graph rotate over."""
    return min(max(-(-ROTATED // max(size, 1)), 2), MOST_SETS)


def replayed(calls: Sequence[Callable[[], object]]) -> Callable[[], object]:
    """A CUDA graph of `LAUNCHES` of the calls in rotation; each has run once before.

    Raises:
        RuntimeError: CUDA cannot capture a call, such as one that waits for the GPU.
    """
    for call in calls:
        call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    kept: list[object] = []  # results live as long as the graph, so that none is overwritten within it
    with torch.cuda.graph(graph):
        kept.extend(calls[number % len(calls)]() for number in range(LAUNCHES))

    def replay(_kept: list[object] = kept) -> None:
        graph.replay()

    return replay


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
