"""What running the program `gridrt` costs, from its start to its end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class ProgramCost:
    """Of one run.

    Attributes:
        seconds: by the wall clock.
        peak_memory_gib: the most that it held at once (resident set size).
    """

    seconds: float
    peak_memory_gib: float


def program_cost(*arguments: str) -> ProgramCost:
    """Run `gridrt` with these arguments; what it prints is dropped.

    The system counts a child's memory from that of its parent, so the figure is right where the program needs more
    than the process that measures it did until then.

    Raises:
        CalledProcessError: the program failed.
    """
    command = [sys.executable, "-m", "gridrt", *arguments]
    started = time.perf_counter()
    program = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - no part of it comes from outside
    _, status, usage = os.wait4(program.pid, 0)
    seconds = time.perf_counter() - started
    program.returncode = os.waitstatus_to_exitcode(status)  # it is waited for, and must not be again
    if program.returncode:
        raise subprocess.CalledProcessError(program.returncode, command)
    return ProgramCost(seconds, usage.ru_maxrss / 2**20)
