"""NVIDIA's compute-sanitizer over the kernels at their edges: memory, races, barriers, uninitialised memory.

    python -m benchmarks.gpu_sanitizer

It has not run on a GPU yet.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click

from benchmarks.gpu_launches import KERNEL_NAMED
from benchmarks.gpu_report import RESULTS, Report, run_part
from gridrt.errors import DependencyError, GridRTError

TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")
SIDE_BY_SIDE = 4
"""Processes: nothing is timed, and most of it is waiting for the tool."""
FOUND = 86
"""Exit code for errors that the tool finds."""
SUMMARY = re.compile(r"(?:ERROR|RACECHECK) SUMMARY: (.*)")
LAUNCHES = re.compile(r"^(\d+ launches)$", re.MULTILINE)


@click.command
@click.option("--seconds", type=float, default=110.0, show_default=True, help="Checks not done by then are ended.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS / "gpu_sanitizer.json", help="JSON to write.")
def command(*, seconds: float, out: Path) -> None:
    """Run each tool over each kernel, the most telling first."""
    ends = time.monotonic() + seconds
    run_part(
        out, lambda report: measure(report, ends), launches="each variant at the edges in benchmarks/gpu_launches.py"
    )


def measure(report: Report, ends: float) -> None:
    """A row for each tool and kernel.

    Raises:
        DependencyError: there is no compute-sanitizer.
    """
    sanitizer = find_sanitizer(os.environ)
    checks = {f"{tool} {op}": (tool, op) for tool in TOOLS for op in KERNEL_NAMED}
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        futures = {
            name: pool.submit(partial(checked, sanitizer, tool, op, ends)) for name, (tool, op) in checks.items()
        }
        for name, future in futures.items():
            with report.attempt(name):
                report.add(name, future.result())


def find_sanitizer(environment: Mapping[str, str]) -> str:
    """The program, on the PATH or with the CUDA toolkit.

    Raises:
        DependencyError: there is none.
    """
    homes = [environment[name] for name in ("CUDA_HOME", "CUDA_PATH") if name in environment] + ["/usr/local/cuda"]
    folders = [folder for home in homes for folder in (Path(home, "bin"), Path(home, "compute-sanitizer"))]
    path = os.pathsep.join([environment.get("PATH", ""), *map(str, folders)])
    found = shutil.which("compute-sanitizer", path=path)
    if found is None:
        rule, remedy = "kernels are checked by compute-sanitizer", "It comes with the CUDA toolkit; set CUDA_HOME."
        raise DependencyError(rule, place="not run", value="none on the PATH or in CUDA_HOME", remedy=remedy)
    return found


def checked(sanitizer: str, tool: str, op: str, ends: float) -> str:
    """The tool's summary where it finds nothing.

    Raises:
        GridRTError: it finds something, the program fails, or the time is up.
    """
    program = [sys.executable, "-m", "benchmarks.gpu_launches", op]
    command = [sanitizer, "--tool", tool, "--error-exitcode", str(FOUND), *program]
    try:
        left = max(ends - time.monotonic(), 0.1)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=left)  # noqa: S603 - found above
    except subprocess.TimeoutExpired as error:
        raise GridRTError("the check ends in its time", place="not run to its end") from error
    told = done.stdout + done.stderr
    if done.returncode:
        raise GridRTError(f"{tool} finds nothing", value=_first_finding(told.splitlines(), done.returncode))
    return "; ".join(match[1] for match in (SUMMARY.search(told), LAUNCHES.search(told)) if match)


def _first_finding(lines: Sequence[str], code: int) -> str:
    """The tool's first line that tells of an error, and its summary; else the last of what was said."""
    marked = [line for line in lines if line.startswith("=========")]
    telling = [line for line in marked if re.search(r"Invalid|Error|ERROR|hazard|Uninitialized|Barrier", line)]
    return f"exit code {code}: " + " ".join(telling[:2] + telling[2:][-1:] if telling else lines[-2:])


if __name__ == "__main__":
    command()
