"""Timing a session inside a detector, and what many timed runs come to."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from gridrt.runtime.backend import Session
from gridrt.runtime.info import ModelInfo
from gridrt.types import Int32Array, RawDetections, UInt8Array

T = TypeVar("T")


@dataclass(frozen=True)
class Latency:
    """Seconds per image over many runs; percentiles are interpolated linearly.

    Attributes:
        runs: number of runs.
        mean: of all runs.
        p50: half of the runs take no longer; p95 and p99 likewise.
        fps: images per second at the median.
    """

    runs: int
    mean: float
    p50: float
    p95: float
    p99: float
    fps: float


def latency_of(seconds: Sequence[float]) -> Latency:
    """Summarise the seconds of at least one run."""
    p50, p95, p99 = (float(value) for value in np.percentile(seconds, (50, 95, 99)))
    return Latency(len(seconds), statistics.fmean(seconds), p50, p95, p99, 1 / p50)


def speedup(reference: Sequence[float], other: Sequence[float]) -> float:
    """Speedup over a reference: the median ratio over runs that were made side by side.

    Ratios of pairs, because a machine that slows down slows both runs of a pair, and an image with many objects takes
    both longer.

    Args:
        reference: seconds of each run; at least one.
        other: seconds of the run beside it.
    """
    return statistics.median(slow / fast for slow, fast in zip(reference, other, strict=True))


class TimedSession:
    """A session that records how long its last run took.

    Args:
        session: the session to time.

    Attributes:
        seconds: of the last run, from the resized images to the boxes in them, both in main memory.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.seconds = 0.0

    @property
    def info(self) -> ModelInfo:
        """What it runs, and on what."""
        return self._session.info

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """Detect in a batch; shapes as in `gridrt.runtime.backend.Session`."""
        raw, self.seconds = timed(lambda: self._session.run(images, image_sizes))
        return raw


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """The result of a call and its seconds: by CUDA events where PyTorch uses a GPU, else by the wall clock.

    The events enclose all GPU work of the call, on whatever stream, because a session returns when its results are in
    main memory. PyTorch is not imported for this: a backend without it must not pay for its memory.
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        started = time.perf_counter()
        result = call()
        return result, time.perf_counter() - started
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begin.record()
    result = call()
    end.record()
    end.synchronize()
    return result, begin.elapsed_time(end) / 1000
