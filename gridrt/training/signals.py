"""Signals that wait for a point where a training can be saved."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gridrt.signals import REPEATED_AFTER, replaceable_handlers

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STDERR = 2


class DelayedSignals:
    """The first signal is kept for later; one that is repeated a second later or more has its usual effect at once.

    Args:
        notice: written to stderr with the first signal.

    Attributes:
        received: the number of the first signal; None before it.
    """

    def __init__(self, notice: str) -> None:
        self.received: int | None = None
        self._received_at = 0.0
        self._notice = notice
        self._usual = replaceable_handlers(SIGNALS)

    def install(self) -> None:
        """Take over those of the signals that may be."""
        for number in self._usual:
            signal.signal(number, self._keep)

    def restore(self) -> None:
        """Let the signals have their usual effect again."""
        for number, handler in self._usual.items():
            signal.signal(number, handler)

    def deliver(self) -> None:
        """Let the first signal have its usual effect now, after `restore`; nothing if there was none."""
        if self.received is not None:
            if self._usual[self.received] is signal.SIG_DFL:
                raise SystemExit(128 + self.received)  # the default would end the process without cleaning up
            signal.raise_signal(self.received)

    def _keep(self, number: int, _: FrameType | None) -> None:
        if self.received is None:
            self.received = number
            self._received_at = time.monotonic()
            os.write(STDERR, self._notice.encode())  # sys.stderr may be in the middle of a write
        elif number != self.received or time.monotonic() - self._received_at > REPEATED_AFTER:
            self.received = number
            self.restore()
            self.deliver()


@contextmanager
def delayed_signals(notice: str = "") -> Iterator[DelayedSignals]:
    """Delay SIGINT, SIGTERM and SIGHUP until the block ends; if it ends with an exception, they are dropped.

    Args:
        notice: written to stderr when the first signal arrives.

    Raises:
        KeyboardInterrupt: after SIGINT.
        SystemExit: after SIGTERM with status 143, after SIGHUP with 129.
    """
    signals = DelayedSignals(notice)
    signals.install()
    try:
        yield signals
    finally:
        signals.restore()
    signals.deliver()
