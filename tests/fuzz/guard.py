"""Runs commands in forked children, each under limits of time and memory, and says how each ended.

The parent imports all that a command may import and runs none of it, so that a child costs a fork and no imports, and
nothing that one damaged file did is left for the next. A process that has threads cannot be forked safely: PyTorch and
OpenCV start theirs with their first work, which is left to the children.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, NoReturn, TypeVar

PATIENCE = 20.0  # seconds
ADDRESSES = 3 << 30  # bytes that a child may reserve beside what it inherits: its end, where it would eat the machine
STDOUT, STDERR = "stdout.txt", "stderr.txt"

Tag = TypeVar("Tag")


@dataclass(frozen=True)
class Job(Generic[Tag]):
    """Work for a child.

    Attributes:
        tag: what the caller knows it by.
        folder: it works in; its two outputs go there.
        work: what it does.
    """

    tag: Tag
    folder: Path
    work: Callable[[], object]


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Attributes:
        code: its exit code; minus the signal that ended it; None where it took too long.
        peak: most bytes of memory that it, or a child of its own, held.
        seconds: it took.
        stdout: what it wrote there.
        stderr: the same.
    """

    code: int | None
    peak: int
    seconds: float
    stdout: str
    stderr: str


def run_guarded(
    jobs: Iterable[Job[Tag]], workers: int = 1, patience: float = PATIENCE
) -> Iterator[tuple[Job[Tag], Ended]]:
    """Run each job in a child, so many at a time, and yield how they ended, in the order of their ends.

    Args:
        jobs: taken one by one, as children end.
        workers: children at a time.
        patience: seconds after which a child is killed, with all that it started.
    """
    waiting = iter(jobs)
    running: dict[int, tuple[Job[Tag], float]] = {}
    while True:
        for job in islice(waiting, workers - len(running)):
            running[_fork(job)] = job, time.monotonic()
        if not running:
            return
        for process, (job, started) in list(running.items()):
            seconds = time.monotonic() - started
            if seconds > patience:
                os.killpg(process, signal.SIGKILL)
            ended, status, used = os.wait4(process, 0 if seconds > patience else os.WNOHANG)
            if ended:
                del running[process]
                _kill_group(process)
                code = None if seconds > patience else os.waitstatus_to_exitcode(status)
                outputs = [(job.folder / name).read_text(errors="replace") for name in (STDOUT, STDERR)]
                yield job, Ended(code, used.ru_maxrss * 1024, seconds, *outputs)
        time.sleep(0.001)


def _kill_group(process: int) -> None:
    """What a child left running: nothing, where it ended as it should."""
    with suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)


def _fork(job: Job[Tag]) -> int:
    """Start a child; it leads a group of its own as soon as this returns."""
    process = os.fork()
    if process == 0:
        _run(job)
    with suppress(ProcessLookupError, PermissionError):  # the child was faster
        os.setpgid(process, process)
    return process


def _run(job: Job[Tag]) -> NoReturn:
    """Do the work as a command does it: with outputs in files, and an exit code at the end."""
    code = 1
    try:
        os.setpgid(0, 0)
        for name, stream in ((STDOUT, sys.stdout), (STDERR, sys.stderr)):
            handle = os.open(job.folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(handle, stream.fileno())
        os.chdir(job.folder)
        _limit()
        job.work()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - as the interpreter shows what no one caught
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # the interpreter's own end takes longer than most commands


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
