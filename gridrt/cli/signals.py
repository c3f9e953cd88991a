"""SIGTERM and SIGHUP end a verb as Control-C does, so that it cleans up."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gridrt.signals import REPEATED_AFTER, replaceable_handlers

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """What the signals raise.

    A KeyboardInterrupt itself that leaves an `exec` of source text, as in a `dataclass` that is being defined, makes
    `python -m` end by SIGINT, whatever status the program gives after it has handled that.
    """


@contextmanager
def interrupting_signals() -> Iterator[list[int]]:
    """Raise a KeyboardInterrupt in the block at the first SIGTERM or SIGHUP; one that is repeated later ends at once.

    Yields:
        The number of the signal, once it has arrived.
    """
    received: list[int] = []
    at: list[float] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        if not received:
            received.append(number)
            at.append(time.monotonic())
            raise Interrupted
        if time.monotonic() - at[0] > REPEATED_AFTER:  # the first one had no effect, or cleaning up hangs
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    usual = replaceable_handlers(SIGNALS)
    for number in usual:
        signal.signal(number, interrupt)
    try:
        yield received
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
