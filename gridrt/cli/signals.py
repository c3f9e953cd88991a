"""SIGINT, SIGTERM and SIGHUP end a verb so that it cleans up."""

from __future__ import annotations

import _thread
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gridrt.signals import REPEATED_AFTER, replaceable_handlers

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IMPORT_SECONDS = 0.05
"""Between two looks whether an import has ended."""


class Interrupted(KeyboardInterrupt):
    """What the signals raise.

    A KeyboardInterrupt itself that leaves an `exec` of source text, as in a `dataclass` that is being defined, makes
    `python -m` end by SIGINT, whatever status the program gives after it has handled that.
    """


@contextmanager
def interrupting_signals() -> Iterator[list[int]]:
    """Raise a KeyboardInterrupt in the block at the first of the signals; one that is repeated later ends at once.

    Yields:
        The number of the signal, once it has arrived.
    """
    interruption = _Interruption()
    usual = replaceable_handlers(SIGNALS)
    for number in usual:
        signal.signal(number, interruption)
    try:
        yield interruption.received
    finally:
        interruption.is_over = True
        for number, handler in usual.items():
            signal.signal(number, handler)


class _Interruption:
    """Handles the signals: the first one is raised, if need be after the import that it comes amid.

    Native modules import others while they are being initialised, and abort the process where that raises.
    """

    def __init__(self) -> None:
        self.received: list[int] = []
        self.is_over = False
        self._at = 0.0
        self._is_later = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        is_later, self._is_later = self._is_later, False
        if not self.received:
            self.received.append(number)
            self._at = time.monotonic()
        elif not is_later:
            if time.monotonic() - self._at > REPEATED_AFTER:  # the first one had no effect, or cleaning up hangs
                signal.signal(number, signal.SIG_DFL)
                signal.raise_signal(number)
            return
        if _is_importing(frame):
            _thread.start_new_thread(self._repeat, (number,))  # threading's own would wait for a lock
            return
        raise Interrupted

    def _repeat(self, number: int) -> None:
        time.sleep(IMPORT_SECONDS)
        if not self.is_over:
            self._is_later = True
            os.kill(os.getpid(), number)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
