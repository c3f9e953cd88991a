"""What all that take signals over agree on: which ones may be taken, and when one counts as repeated."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Mapping
from types import FrameType
from typing import Any, TypeAlias

Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int

REPEATED_AFTER = 1.0
"""Seconds. Before, the same signal may have come twice: torchrun passes a terminal's on, and a service manager may send
it to a process and to its group."""


def replaceable_handlers(signals: Iterable[int]) -> Mapping[int, Handler]:
    """The handlers of those of the signals that may be taken over, by number.

    A signal that is ignored, as SIGHUP is under nohup, stays ignored. A handler that Python did not install cannot be
    restored. Python handles signals in the main thread alone: in others there are none.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    usual = {int(number): signal.getsignal(number) for number in signals}
    return {number: each for number, each in usual.items() if each is not None and each != signal.SIG_IGN}
