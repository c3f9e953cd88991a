"""SIGTERM and SIGHUP end a verb as Control-C does, so that it cleans up."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
REPEATED_AFTER = 1.0  # seconds: a service manager may send the same signal to a process and to its group


@contextmanager
def interrupting_signals() -> Iterator[list[int]]:
    """Raise KeyboardInterrupt in the block at the first SIGTERM or SIGHUP; one that is repeated later ends at once.

    A signal that is ignored at the start, as SIGHUP is under nohup, stays ignored. Python handles signals in the main
    thread alone; in others this changes nothing.

    Yields:
        The number of the signal, once it has arrived.
    """
    received: list[int] = []
    at: list[float] = []
    usual = {number: signal.getsignal(number) for number in SIGNALS}
    # None is a handler that Python did not install and cannot restore.
    taken = {number: handler for number, handler in usual.items() if handler not in (None, signal.SIG_IGN)}
    if threading.current_thread() is not threading.main_thread():
        taken = {}

    def interrupt(number: int, _: FrameType | None) -> None:
        if not received:
            received.append(number)
            at.append(time.monotonic())
            raise KeyboardInterrupt
        if time.monotonic() - at[0] > REPEATED_AFTER:  # the first one had no effect, or cleaning up hangs
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield received
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)
