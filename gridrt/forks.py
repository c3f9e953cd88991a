"""Forked processes in which detectors would hang: the threads of PyTorch and of OpenVINO do not survive a fork."""

from __future__ import annotations

import os

from gridrt.errors import GridRTError

_used_in: int | None = None  # a forked process inherits it


def require_no_fork() -> None:
    """Note that this process uses runtimes of detectors, and refuse to where it was forked from one that did.

    Raises:
        GridRTError: it was; threads that it would wait for exist in the other process only.
    """
    global _used_in  # noqa: PLW0603 - of the whole process
    if _used_in is None:
        _used_in = os.getpid()
    elif _used_in != os.getpid():
        raise GridRTError(
            "cannot run a detector in a process that was forked from one with detectors: it would hang",
            value=f"forked from process {_used_in}",
            remedy="Start processes by spawn or forkserver, and pass them the detector: it opens its file again.",
        )
