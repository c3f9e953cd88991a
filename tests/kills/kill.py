"""One verb, one signal, one moment: what is wrong afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kills.verbs import Verb
from tests.kills.whole import damage_in

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
MARK = "GRIDRT_KILLS"
"""A variable of the environment, by which the children of a verb are found."""
PROGRAM = ("-m", "gridrt")
ROOT = Path(__file__).parents[2]
CACHES = ("torchinductor_",)
"""How the names begin of what libraries keep in TMPDIR for all their processes; PyTorch's is an empty folder."""
HANGS_AFTER = 120.0
"""Seconds that a verb may take to end beyond what it is known to take."""
CHILDREN_END_WITHIN = 15.0
"""Seconds: PyTorch's loaders look every 5 seconds whether their parent lives."""


@dataclass(frozen=True)
class Killed:
    """The end of a verb.

    Attributes:
        status: as `subprocess.Popen.returncode`.
        stderr: what it said.
        violations: what is wrong, each in a line.
    """

    status: int
    stderr: str
    violations: list[str]


def kill(verb: Verb, number: signal.Signals, moment: float, folder: Path, usual: float = 0.0) -> Killed:
    """Run a verb, send it a signal, and look at what is left; after SIGKILL, also at what the next run leaves.

    Args:
        verb: to run.
        number: SIGINT goes to the whole group of processes, as from a terminal; the others to the verb alone.
        moment: seconds from its start to the signal.
        folder: an empty one, beside `inputs`; removed if nothing is wrong.
        usual: seconds of a run that no signal ends; another one on a busy machine may take several times as long.
    """
    run = Run(verb.arguments, folder)
    try:
        status = run.process.wait(moment)
    except subprocess.TimeoutExpired:
        (os.killpg if number == signal.SIGINT else os.kill)(run.process.pid, number)
        status = run.ended(HANGS_AFTER + usual)
    by_kill = status == -signal.SIGKILL
    violations = [*_violations(verb, run, status, number), *run.left(temporary=by_kill)]
    if by_kill:
        again = Run((*verb.arguments, *verb.again), folder)
        ended = again.ended(HANGS_AFTER + 5 * usual)
        violations += [f"the next run ends with {ended}: {again.stderr()[-300:]}"] if ended else []
        violations += [f"after the next run, {each}" for each in (*_missing(verb, folder), *again.left())]
    stderr = run.stderr()
    if not violations:
        for used in (folder, run.temporary):
            shutil.rmtree(used)
    return Killed(status, stderr, violations)


class Run:
    """A verb that runs in a folder, with its temporary files beside it."""

    def __init__(self, arguments: Sequence[str], folder: Path) -> None:
        self.folder, self.temporary = folder, folder.with_name(f"{folder.name}.tmp")
        self._stderr = folder.with_name(f"{folder.name}.stderr")
        self.temporary.mkdir(exist_ok=True)
        folder.mkdir(exist_ok=True)
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, *PROGRAM, *arguments],
                cwd=folder,
                env=self._environment(),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )

    def _environment(self) -> Mapping[str, str]:
        own = {"TMPDIR": str(self.temporary), MARK: str(self.folder), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return os.environ | own

    def ended(self, within: float) -> int:
        """Its exit status; one that hangs is killed."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return 1000  # no status of a process

    def stderr(self) -> str:
        return self._stderr.read_text(errors="replace")

    def left(self, *, temporary: bool = False) -> Iterator[str]:
        """A text for each thing that it should not have left; temporary files may be, after SIGKILL."""
        until = time.monotonic() + CHILDREN_END_WITHIN
        while (children := _marked(str(self.folder))) and time.monotonic() < until:
            time.sleep(0.1)
        yield from (f"a child is left: {child}" for child in children)
        if not temporary:
            left = (path.name for path in self.temporary.iterdir() if not path.name.startswith(CACHES))
            yield from (f"{name} is left in TMPDIR" for name in left)
        yield from damage_in(self.folder, after_sigkill=temporary)


def _violations(verb: Verb, run: Run, status: int, number: int) -> Iterator[str]:
    """What is wrong with the end of a verb and with what it has said."""
    if status == 0:  # it was faster than the signal
        yield from _missing(verb, run.folder)
    elif status not in (128 + number, -number):
        yield f"exit status {status}: {run.stderr()[-500:]}"
    if "Traceback" in run.stderr() and "in invoke" in run.stderr():  # else Python itself was still starting
        yield f"a traceback: {run.stderr()[-1500:]}"


def _missing(verb: Verb, folder: Path) -> list[str]:
    return [f"{name} is missing" for name in verb.outputs if not (folder / name).exists()]


def _marked(folder: str) -> list[str]:
    """The command lines of processes that a verb in this folder has started, and of itself."""
    mark, found = f"{MARK}={folder}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # noqa: PERF203 - it has ended, or is another user's
            continue
    return found
