"""All that needs an NVIDIA GPU, on the GPU of this machine, in ten minutes: tests, timings, engines, checks.

    python -m benchmarks.gpu

from the root of the repository. Each part is a process of its own and has a time limit; a part that fails, crashes or
hangs is reported, and the rest goes on. A part writes `results/gpu_<part>.json`. It has not run on a GPU yet.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import click

from benchmarks.gpu_conditions import gpu_conditions, require_gpu
from benchmarks.gpu_launches import KERNELS_BY_NAME
from benchmarks.gpu_report import RESULTS, Row, problem_row, read_report, row_line, write_report
from gridrt.errors import GridRTError
from gridrt.formatting import format_count

SECONDS = 585.0
"""For all parts together."""
ENDING_SECONDS = 5.0
"""Between asking a part to end and killing it."""
TESTS = Path("tests", "gpu")
FOLDERS = [kernel.contract.folder.name for kernel in KERNELS_BY_NAME.values()]
OUTPUT_LINES = 15
"""Of a part that failed, to print."""


@dataclass(frozen=True)
class Part:
    """A module of this package that writes a report.

    Attributes:
        name: of the report, `gpu_<name>.json`.
        module: with its arguments.
        seconds: time limit.
    """

    name: str
    module: Sequence[str]
    seconds: float

    def command(self, out: Path) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", *self.module, "--out", str(out)]


# The most valuable first: what comes late may find no time left. Kernels apart, because one that fails takes its
# process's GPU with it.
PARTS = (
    *(Part(f"tests_{name}", ("benchmarks.gpu_tests", f"{TESTS / name}"), 60) for name in FOLDERS),
    *(Part(f"kernel_{name}", ("benchmarks.gpu_kernels", name), 60) for name in KERNELS_BY_NAME),
    Part("engines", ("benchmarks.gpu_engines",), 150),
    Part("latency", ("benchmarks.gpu_latency", "--seconds", "230"), 250),
    Part("sanitizer", ("benchmarks.gpu_sanitizer", "--seconds", "100"), 110),
    *(
        Part(f"tests_{file.stem.removeprefix('test_')}", ("benchmarks.gpu_tests", f"{TESTS / file.name}"), 60)
        for file in sorted((Path(__file__).parents[1] / TESTS).glob("test_*.py"))
    ),
)


@click.command
def command() -> None:
    """Run all tests and benchmarks that need an NVIDIA GPU; the exit code is 1 if there are problems."""
    try:
        require_gpu()
        failed = run_all(PARTS, RESULTS, SECONDS)
    except GridRTError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(int(failed))


def run_all(parts: Sequence[Part], results: Path, seconds: float) -> bool:
    """Run the parts one after another, and print a table of all.

    Args:
        parts: the most valuable first.
        results: folder for the reports.
        seconds: for all; a part for which no time is left is a problem.

    Returns:
        Whether there are problems.
    """
    ends = time.monotonic() + seconds
    tables: list[tuple[str, list[Row]]] = []
    for part in parts:
        left = min(part.seconds, ends - time.monotonic())
        click.echo(f"{part.name} ... (at most {max(left, 0):.0f} s)")
        started = time.monotonic()
        rows = run_one(part, results / f"gpu_{part.name}.json", left)
        tables.append((f"{part.name}, {time.monotonic() - started:.0f} s", rows))
    click.echo("\n".join(["", *table(tables)]))
    return any("problem" in row for _, rows in tables for row in rows)


def table(tables: Sequence[tuple[str, Sequence[Row]]]) -> Iterator[str]:
    """The rows of all parts, and how many have problems."""
    for title, rows in tables:
        yield title
        yield from map(row_line, rows)
    problems = sum("problem" in row for _, rows in tables for row in rows)
    yield format_count(problems, "problem") if problems else "no problems"


def run_one(part: Part, out: Path, seconds: float) -> list[Row]:
    """Run a part; the rows of its report, and a problem after them if it did not finish."""
    out.unlink(missing_ok=True)
    code, reason = _run(part.command(out), seconds) if seconds > 0 else (None, "not run: no time was left")
    rows, conditions = read_report(out)
    has_problems = any("problem" in row for row in rows)
    if not rows or code != int(has_problems):  # as `run_part` ends
        rows = [*rows, problem_row(part.name, reason)]
        write_report(out, rows, conditions or gpu_conditions())
    return rows


def _run(command: Sequence[str], seconds: float) -> tuple[int | None, str]:
    """The exit code of a process, None at its time limit; and how it ended, with its last line of output."""
    with TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)  # noqa: S603 - ours
        try:
            code: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        output.seek(0)
        lines = output.read().strip().splitlines() or ["no output"]
    if code != 0:
        click.echo("\n".join(f"  | {line}" for line in lines[-OUTPUT_LINES:]))
    if code is None:
        ending = f"ended after {seconds:.0f} s, its time limit"
    else:
        ending = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return code, f"{ending}; {lines[-1]}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, such as compilers, builders and tools."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):  # all of them have ended
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDING_SECONDS)


if __name__ == "__main__":
    command()
