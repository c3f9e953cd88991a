"""Stages of the model in PyTorch, timed without its knowing: its parts are wrapped for as long as it takes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from types import ModuleType
from typing import Any, ParamSpec, Protocol, TypeVar

import torch
from torch import nn

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.stages import MODULES, Stage, StageTimes, middle_run, times_of
from gridrt.types import Int32Array, UInt8Array

P = ParamSpec("P")
T = TypeVar("T")


class Clock(Protocol):
    """Tells the time of a device."""

    def mark(self) -> Any:  # noqa: ANN401 - each clock's own
        """This moment in the device's work."""

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
    """Gives every moment of a run to one stage: a stage within a stage stops the outer one.

    Args:
        clock: of the device that does the work.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: list[Stage] = ["other"]
        self._marks: list[tuple[Stage, Any]] = []

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """What happens within belongs to `stage`."""
        self._open.append(stage)
        self._mark()
        try:
            yield
        finally:
            self._open.pop()
            self._mark()

    def timed(self, run: Callable[[], object]) -> StageTimes:
        """Run, and tell how long each stage took."""
        self._marks.clear()
        self._mark()
        run()
        self._mark()
        spans = zip(self._marks, self._marks[1:], strict=False)
        return times_of((stage, self._clock.seconds(start, end)) for (stage, start), (_, end) in spans)

    def _mark(self) -> None:
        self._marks.append((self._open[-1], self._clock.mark()))


def torch_stage_times(
    session: TorchSession, images: UInt8Array, image_sizes: Int32Array, *, warm_up: int, runs: int
) -> StageTimes:
    """Stages of a session's run, from arrays to arrays; copies to and from the device are in `other`.

    Args:
        session: runs the model as it stands, eagerly.
        images: as in `gridrt.runtime.backend.Session`.
        image_sizes: the same.
        warm_up: runs before those that count.
        runs: of which the one in the middle is told.

    Raises:
        GridRTError: there is not enough memory.
    """
    stopwatch = Stopwatch(clock_of(session.device))
    with wrapped(session.model, stopwatch):
        timed = [stopwatch.timed(lambda: session.run(images, image_sizes)) for _ in range(warm_up + runs)]
    return middle_run(timed[warm_up:])


@contextmanager
def wrapped(model: GridRCNN, stopwatch: Stopwatch) -> Iterator[None]:
    """Within it, calls of the model's parts, and of the functions that they call, tell the stopwatch."""
    with ExitStack() as stack:
        for owner, name, stage in _calls(model):
            stack.callback(_restorer(owner, name))
            setattr(owner, name, _in_stage(getattr(owner, name), stopwatch, stage))
        yield


def _calls(model: GridRCNN) -> Iterator[tuple[nn.Module | ModuleType, str, Stage]]:
    """Who has what is called, under which name, in which stage. Outer ones are in the whole of what they call."""
    for module, stage in MODULES.items():
        parent, _, name = module.rpartition(".")
        part = getattr(model.get_submodule(parent), name, None)  # Faster R-CNN has no grid head
        if part is not None:
            yield from ((part, method, stage) for method in _entries(part))
    yield model.roi_head, "forward", "decode"
    yield model.roi_head, "pool", "roi_align"
    for head in (model.rpn_head, model.roi_head):
        yield sys.modules[type(head).__module__], "batched_nms", "nms"


def _entries(part: nn.Module) -> Sequence[str]:
    """By which methods the rest of the model enters a part; one that it does not have is another kind's."""
    return [name for name in ("forward", "propose", "classify_and_regress") if hasattr(part, name)]


def _in_stage(call: Callable[P, T], stopwatch: Stopwatch, stage: Stage) -> Callable[P, T]:
    @wraps(call)
    def timed(*args: P.args, **kwargs: P.kwargs) -> T:
        with stopwatch.stage(stage):
            return call(*args, **kwargs)

    return timed


def _restorer(owner: object, name: str) -> Callable[[], None]:
    """Puts back what `owner` has now: its own, or that of its class."""
    if name in vars(owner):
        own = vars(owner)[name]
        return lambda: setattr(owner, name, own)
    return lambda: delattr(owner, name)
