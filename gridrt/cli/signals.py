"""SIGTERM and SIGHUP end a verb as Control-C does, so that it cleans up."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupting_signals() -> Iterator[list[int]]:
    """Raise KeyboardInterrupt in the block at the first SIGTERM or SIGHUP, and ignore further ones.

    A signal that is ignored at the start, as SIGHUP is under nohup, stays ignored. Python handles signals in the main
    thread alone; in others this changes nothing.

    Yields:
        The number of the signal, once it has arrived.
    """
    received: list[int] = []
    usual = {number: signal.getsignal(number) for number in SIGNALS}
    # None is a handler that Python did not install and cannot restore.
    taken = {number: handler for number, handler in usual.items() if handler not in (None, signal.SIG_IGN)}
    if threading.current_thread() is not threading.main_thread():
        taken = {}

    def interrupt(number: int, _: FrameType | None) -> None:
        for each in taken:
            signal.signal(each, signal.SIG_IGN)
        received.append(number)
        raise KeyboardInterrupt

    for number in taken:
        signal.signal(number, interrupt)
    try:
        yield received
    finally:
        for number, handler in taken.items():
            signal.signal(number, handler)
