"""Signals that arrive at a moment which a seed chooses, however fast the machine is, and processes to kill by them.

A moment is a number of calls of Python functions.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

# A process that has these modules starts in a moment.
PRELOADED = [
    "gridrt.cli.main",
    "gridrt.api",
    "gridrt.training",
    "gridrt.report.evaluation_files",
    "onnxruntime",
    "torch._dynamo",
]
NEVER = 1 << 62


@contextmanager
def signal_at(call: int, number: signal.Signals) -> Iterator[Callable[[], int]]:
    """Send a signal to this process at that call of a Python function, counted from the start of the block.

    Yields what tells the number of calls so far.
    """
    made = 0

    def count(_: FrameType, event: str, __: object) -> None:
        nonlocal made
        made += event == "call"
        if made >= call:
            sys.setprofile(None)
            os.kill(os.getpid(), number)

    sys.setprofile(count)
    try:
        yield lambda: made
    finally:
        sys.setprofile(None)


def exit_codes_of(function: Callable[..., object], *arguments: Sequence[object]) -> list[int | None]:
    """How processes end that call a function at the same time, each with its arguments.

    Of one that a signal killed, minus the number of the signal.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    processes = [context.Process(target=function, args=of_one) for of_one in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def run_as_torchrun(environment: Mapping[str, str], output: Path, arguments: Sequence[str]) -> None:
    """Be Python with these arguments, `-m MODULE ...` or `-c PROGRAM ...`, in the working folder $PWD.

    What it prints goes to `output / "stdout"` and `output / "stderr"`.
    """
    os.chdir(environment["PWD"])
    os.environ.update(environment)
    for stream in (sys.stdout, sys.stderr):
        name = stream.name.strip("<>")
        os.dup2(os.open(output / name, os.O_CREAT | os.O_WRONLY), stream.fileno())
    kind, program, *words = arguments
    sys.argv = [kind, *words]
    if kind == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        exec(program, {"__name__": "__main__"})  # noqa: S102 - a test's own
