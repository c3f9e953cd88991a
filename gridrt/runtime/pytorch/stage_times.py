"""Stages of the model in PyTorch, timed by observing it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import torch

from gridrt.runtime.pytorch.session import TorchSession
from gridrt.stages import Stage, StageTimes, median_run, times_of
from gridrt.types import Int32Array, UInt8Array


class Clock(Protocol):
    """The time of a device."""

    def mark(self) -> Any:  # noqa: ANN401 - each clock's own
        """This moment in the work of the device."""

    def seconds(self, start: Any, end: Any) -> float:  # noqa: ANN401
        """Between two marks."""


class CpuClock:
    """The wall clock."""

    def mark(self) -> float:
        """Now."""
        return time.perf_counter()

    def seconds(self, start: float, end: float) -> float:
        """Their difference."""
        return end - start


class CudaClock:
    """Events on the current stream: a mark waits for nothing, and times are those of the GPU.

    Args:
        device: whose stream.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def mark(self) -> torch.cuda.Event:
        """The end of all that is on the stream by now."""
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self._device))
        return event

    def seconds(self, start: torch.cuda.Event, end: torch.cuda.Event) -> float:
        """Waits for the second."""
        end.synchronize()
        milliseconds: float = start.elapsed_time(end)
        return milliseconds / 1000


def clock_of(device: torch.device) -> Clock:
    """The clock that times work on a device."""
    return CudaClock(device) if device.type == "cuda" else CpuClock()


class Stopwatch:
    """Assigns every moment of a run to one stage, or to "other" between them.

    Args:
        clock: of the device that does the work.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._marks: list[tuple[Stage, Any]] = []

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """The hook of an observed model: what runs within belongs to `stage`."""
        self._begin(stage)
        try:
            yield
        finally:
            self._begin("other")

    def timed(self, run: Callable[[], object]) -> StageTimes:
        """Run, and tell how long each stage took."""
        self._marks.clear()
        self._begin("other")
        run()
        self._begin("other")
        spans = zip(self._marks, self._marks[1:], strict=False)
        return times_of((stage, self._clock.seconds(start, end)) for (stage, start), (_, end) in spans)

    def _begin(self, stage: Stage) -> None:
        self._marks.append((stage, self._clock.mark()))


def torch_stage_times(
    session: TorchSession, images: UInt8Array, image_sizes: Int32Array, *, warm_up: int, runs: int
) -> StageTimes:
    """Stages of a session's run, from arrays to arrays; copies to and from the device are in `other`.

    Args:
        session: runs the model eagerly.
        images: as in `gridrt.runtime.backend.Session`.
        image_sizes: the same.
        warm_up: runs before those that are measured.
        runs: measured runs, of which the median is returned.

    Raises:
        GridRTError: there is not enough memory.
    """
    stopwatch = Stopwatch(clock_of(session.device))
    with session.model.observed(stopwatch.stage):
        timed = [stopwatch.timed(lambda: session.run(images, image_sizes)) for _ in range(warm_up + runs)]
    return median_run(timed[warm_up:])
