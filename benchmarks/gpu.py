"""All that needs an NVIDIA GPU, on the GPU of this machine: tests, checks of memory, timings, accuracy, engines.

    python3 -m benchmarks.gpu --out DIR --seconds 500
    python3 -m benchmarks.gpu --dry-run

from the root of the repository. Each part is a process of its own and has a time limit; a part that fails, crashes or
hangs is reported, and the rest goes on. DIR/gpu.zip holds the reports and what the parts printed, and is whole after
each part. It has not run on a GPU yet.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import click

from benchmarks.gpu_archive import NAME, write_archive
from benchmarks.gpu_parts import PARTS, Part
from benchmarks.gpu_preflight import OF_ALL, REQUIREMENTS, missing
from benchmarks.gpu_report import RESULTS, Row, inapplicable_row, problem_row, read_report, row_line, write_report
from gridrt.errors import DependencyError, GridRTError
from gridrt.files import check_writable
from gridrt.formatting import format_count

SECONDS = 500.0
"""For all parts together."""
ENDING_SECONDS = 5.0
"""Between asking a part to end and killing it."""
OUTPUT_LINES = 15
"""Of a part that failed, to print."""
LOGGED = 1 << 19
"""Bytes of a part's output that are kept, from its end."""


@click.command
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS, show_default=True, help="Folder for gpu.zip.")
@click.option("--seconds", type=click.FloatRange(1), default=SECONDS, show_default=True, help="For all parts together.")
@click.option("--dry-run", is_flag=True, help="List parts, limits and what is missing here; run nothing.")
def command(*, out: Path, seconds: float, dry_run: bool) -> None:
    """Run all tests and benchmarks that need an NVIDIA GPU; the exit code is 1 if there are problems."""
    if dry_run:
        click.echo("\n".join(plan(PARTS, seconds)))
        return
    try:
        require_all()
        check_writable(out / NAME)
        with TemporaryDirectory() as reports:
            failed = run_all(PARTS, Path(reports), out, seconds)
    except GridRTError as error:
        raise click.ClickException(str(error)) from error
    sys.exit(int(failed))


def require_all() -> None:
    """Refuse a machine on which no part can run.

    Raises:
        DependencyError: there is no GPU, or no PyTorch for it.
    """
    for name, problem in missing(OF_ALL).items():
        raise DependencyError(f"{name} is missing", value=problem, remedy=REQUIREMENTS[name].remedy)


def plan(parts: Sequence[Part], seconds: float) -> Iterator[str]:
    """The parts in their order, with limits and what is missing here, and how to get that."""
    lacking = missing(REQUIREMENTS)
    yield f"{format_count(len(parts), 'part')} in at most {seconds:.0f} s, in this order:"
    for number, (part, limit) in enumerate(zip(parts, limits(parts, seconds), strict=True), 1):
        without = [name for name in (*OF_ALL, *part.needs) if name in lacking]
        less = [name for name in part.improved_by if name in lacking]
        state = f"not run: no {', '.join(without)}" if without else f"less: no {', '.join(less)}" if less else "runs"
        yield f"{number:>3}  {part.name:<28} {limit:>4.0f} s  {state}"
    yield "what is missing here:" if lacking else "nothing is missing here"
    for name, problem in lacking.items():
        yield f"  {name:<18} {problem}. {REQUIREMENTS[name].remedy}"


def limits(parts: Sequence[Part], seconds: float) -> list[float]:
    """Each part's share of the time of all, in seconds."""
    total = sum(part.seconds for part in parts)
    return [part.seconds * seconds / total for part in parts]


def run_all(parts: Sequence[Part], reports: Path, out: Path, seconds: float) -> bool:
    """Run the parts one after another, print the rows of each, and keep all of it in one file.

    Args:
        parts: the most valuable first.
        reports: folder for their reports.
        out: folder for the archive.
        seconds: for all; a part for which no time is left is a problem.

    Returns:
        Whether there are problems.
    """
    ends, shares = time.monotonic() + seconds, limits(parts, seconds)
    lines: list[str] = []
    found: list[Row] = []
    contents: dict[str, bytes] = {}
    for index, part in enumerate(parts):
        left = ends - time.monotonic()
        limit = min(left, max(shares[index], left - sum(shares[index + 1 :])))
        started, file = time.monotonic(), reports / f"gpu_{part.name}.json"
        click.echo(f"{part.name} ... (at most {max(limit, 0):.0f} s)")
        rows, output = run_one(part, file, limit)
        found += rows
        title = f"{part.name}, {time.monotonic() - started:.0f} s"
        grown = [title, *map(row_line, rows)]
        click.echo("\n".join(grown))
        lines += grown
        contents[file.name] = file.read_bytes()
        contents[f"{part.name}.log"] = output
        left_out = write_archive(out, {"table.txt": "\n".join([*lines, verdict(found)]).encode(), **contents})
    click.echo(verdict(found))
    click.echo(f"Written to {out / NAME}" + (f", without {', '.join(left_out)}: too large" if left_out else ""))
    return any("problem" in row for row in found)


def verdict(rows: Sequence[Row]) -> str:
    """How many problems there are, and how much does not apply to this machine."""
    problems, others = (sum(kind in row for row in rows) for kind in ("problem", "inapplicable"))
    counted = format_count(problems, "problem") if problems else "no problems"
    return f"{counted}, {others} not applicable here" if others else counted


def run_one(part: Part, out: Path, seconds: float) -> tuple[list[Row], bytes]:
    """Run a part; the rows of its report, with a problem after them if it did not finish, and what it printed."""
    if lacking := missing(part.needs):
        reason = "; ".join(f"no {name} ({problem})" for name, problem in lacking.items())
        rows: list[Row] = [inapplicable_row(part.name, reason)]
        write_report(out, rows, {})
        return rows, b""
    code, reason, output = _run(part.command(out), seconds) if seconds > 0 else (None, "not run: no time was left", b"")
    rows, conditions = read_report(out)
    has_problems = any("problem" in row for row in rows)
    if not rows or code != int(has_problems):  # as `run_part` ends
        rows = [*rows, problem_row(part.name, reason)]
        write_report(out, rows, conditions)
    return rows, output


def _run(command: Sequence[str], seconds: float) -> tuple[int | None, str, bytes]:
    """The exit code of a process, None at its time limit; how it ended, with its last line; the end of its output."""
    with TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)  # noqa: S603 - ours
        try:
            code: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
        output.seek(max(output.seek(0, os.SEEK_END) - LOGGED, 0))
        printed = output.read()
    lines = printed.decode(errors="replace").strip().splitlines() or ["no output"]
    if code != 0:
        click.echo("\n".join(f"  | {line}" for line in lines[-OUTPUT_LINES:]))
    if code is None:
        ending = f"ended after {seconds:.0f} s, its time limit"
    else:
        ending = f"ended by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return code, f"{ending}; {lines[-1]}", printed


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, such as compilers, builders and tools."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):  # all of them have ended
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDING_SECONDS)


if __name__ == "__main__":
    command()
