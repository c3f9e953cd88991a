"""Exit statuses of the command; 0 is success."""

from __future__ import annotations

from collections.abc import Sequence

USER_ERROR = 1
GATE_NOT_MET = 3
INTERRUPTED = 130
"""By Control-C."""


def of_interruption(received: Sequence[int]) -> int:
    """The exit status of an interrupted verb, as shells have it: 143 after SIGTERM, 129 after SIGHUP."""
    return 128 + received[0] if received else INTERRUPTED
