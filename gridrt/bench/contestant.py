"""An artefact in a process of its own: its memory can be told, and where it crashes, the others go on."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

from gridrt.bench.serving import serve
from gridrt.config import ScaleOrigin
from gridrt.errors import GridRTError
from gridrt.types import Detections

STOP_SECONDS = 10  # that a process is given to end by itself


@dataclass(frozen=True)
class Opened:
    """What an artefact tells once it is open.

    Attributes:
        class_names: in the order of the labels.
        scale: most pixels on the long and on the short side of a resized image.
        scale_origin: where that comes from.
        backend: what runs it, such as "torch 2.13.0, cpu".
    """

    class_names: tuple[str, ...]
    scale: tuple[int, int]
    scale_origin: ScaleOrigin
    backend: str


@dataclass(frozen=True)
class Timed:
    """What was found in a picture, and how long that took.

    Attributes:
        detections: in pixels of the picture.
        session: seconds of the session alone.
        detector: seconds of all, from the file to its boxes.
    """

    detections: Detections
    session: float
    detector: float


@dataclass(frozen=True)
class Memory:
    """What a process holds, in bytes.

    Attributes:
        main: most main memory so far; None where the system does not tell.
        gpu: GPU memory now; None where no GPU is used.
    """

    main: int | None
    gpu: int | None


class ContestantError(GridRTError):
    """An artefact that cannot be measured."""


class Contestant:
    """A process that runs an artefact; it starts at once, and the first call waits for it.

    Args:
        make: called in the process; what it returns serves the calls. A function that can be pickled.
        arguments: of `make`.
    """

    def __init__(self, make: Callable[..., object], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share PyTorch's threads, which does not end well
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, make, *arguments), daemon=True)
        with _without_control_c():
            self._process.start()
        theirs.close()  # so that the end of the process is the end of the pipe
        self._calls = 0

    def ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - whatever the method returns
        """Call a method over there, and wait for what it returns.

        Raises:
            ContestantError: it raised, or the process is gone.
        """
        try:
            failure, value = self._answer(method, arguments)
        except (EOFError, OSError):
            self._process.join(STOP_SECONDS)
            raise ContestantError("its process ended", value=_told_end(self._process.exitcode)) from None
        if failure:
            raise ContestantError(failure)
        return value

    def _answer(self, method: str, arguments: tuple[object, ...]) -> tuple[str, Any]:
        """That to this call: one that Control-C interrupted may be answered still."""
        self._calls += 1
        self._ours.send((self._calls, method, arguments))
        while True:
            number, failure, value = self._ours.recv()
            if number == self._calls:
                return failure, value

    def close(self) -> None:
        """End the process."""
        self._ours.close()
        self._process.join(STOP_SECONDS)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


@contextmanager
def _without_control_c() -> Iterator[None]:
    """What is started within never sees it, from its first moment on: who asks decides when to stop.

    Here it is only put off.
    """
    resource_tracker.ensure_running()  # the first start would start this, and unblock the signal by that
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _told_end(exit_code: int | None) -> str:
    return f"signal {-exit_code}" if exit_code is not None and exit_code < 0 else f"exit status {exit_code}"
