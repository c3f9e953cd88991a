"""How long a session takes, measured where a detector calls it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from gridrt.runtime.backend import Session
from gridrt.runtime.info import ModelInfo
from gridrt.types import Int32Array, RawDetections, UInt8Array

T = TypeVar("T")


class Stopwatch:
    """A session that notes how long its last run took.

    Args:
        session: what runs.

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
    """What a call returns, and its seconds: by CUDA's events where PyTorch runs on a GPU, else by the clock.

    The events enclose all that the GPU does for it, on whatever stream, since a session returns when its results are
    in main memory. What runs without PyTorch shall not need its memory to be timed.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return _timed_by_events(call)
    started = time.perf_counter()
    result = call()
    return result, time.perf_counter() - started


def _timed_by_events(call: Callable[[], T]) -> tuple[T, float]:
    import torch

    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    begin.record()
    result = call()
    end.record()
    end.synchronize()
    return result, begin.elapsed_time(end) / 1000
