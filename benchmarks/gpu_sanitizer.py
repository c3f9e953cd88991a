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

from benchmarks.gpu_launches import KERNELS_BY_NAME
from benchmarks.gpu_report import RESULTS, Report, run_part
from gridrt.errors import DependencyError, GridRTError

TOOLS = ("memcheck", "racecheck", "synccheck", "initcheck")
PROCESSES = 4
"""At a time: nothing is timed, and most of it is waiting for the tool."""
FOUND = 86
"""Exit code for errors that the tool finds."""
SUMMARY = re.compile(r"(?:ERROR|RACECHECK) SUMMARY: (.*)")
LAUNCHES = re.compile(r"^(\d+ launches)$", re.MULTILINE)


@click.command
@click.option("--seconds", type=float, default=110.0, show_default=True, help="Time limit of all checks.")
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS / "gpu_sanitizer.json", help="JSON to write.")
def command(*, seconds: float, out: Path) -> None:
    """Run each tool over each kernel, the most important tool first."""
    ends = time.monotonic() + seconds
    run_part(out, lambda report: measure(report, ends), launches="each variant at the edges in benchmarks/ops")


def measure(report: Report, ends: float) -> None:
    """A row for each tool and kernel.

    Raises:
        DependencyError: there is no compute-sanitizer.
    """
    sanitizer = find_sanitizer(os.environ)
    checks = {f"{tool} {op}": (tool, op) for tool in TOOLS for op in KERNELS_BY_NAME}
    with ThreadPoolExecutor(PROCESSES) as pool:
        futures = {
            name: pool.submit(partial(checked, sanitizer, tool, op, ends)) for name, (tool, op) in checks.items()
        }
        for name, future in futures.items():
            with report.attempt(name):
                report.add(name, future.result())


def find_sanitizer(environment: Mapping[str, str]) -> str:
    """Path of compute-sanitizer, on the PATH or in the CUDA toolkit.

    Raises:
        DependencyError: there is none.
    """
    homes = [environment[name] for name in ("CUDA_HOME", "CUDA_PATH") if name in environment] + ["/usr/local/cuda"]
    folders = [folder for home in homes for folder in (Path(home, "bin"), Path(home, "compute-sanitizer"))]
    path = os.pathsep.join([environment.get("PATH", ""), *map(str, folders)])
    found = shutil.which("compute-sanitizer", path=path)
    if found is None:
        raise DependencyError(
            "compute-sanitizer is missing on the PATH and in CUDA_HOME",
            place="not run",
            remedy="It comes with the CUDA toolkit; set CUDA_HOME.",
        )
    return found


def checked(sanitizer: str, tool: str, op: str, ends: float) -> str:
    """The summary of a tool that finds no error.

    Raises:
        GridRTError: it finds an error, the program fails, or the time is up.
    """
    program = [sys.executable, "-m", "benchmarks.gpu_launches", op]
    command = [sanitizer, "--tool", tool, "--error-exitcode", str(FOUND), *program]
    try:
        left = max(ends - time.monotonic(), 0.1)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=left)  # noqa: S603 - found above
    except subprocess.TimeoutExpired as error:
        raise GridRTError("the check failed to finish in time", place="not run to its end") from error
    output = done.stdout + done.stderr
    if done.returncode:
        raise GridRTError(f"{tool} failed", value=f"exit code {done.returncode}: {_first_finding(output.splitlines())}")
    return "; ".join(match[1] for match in (SUMMARY.search(output), LAUNCHES.search(output)) if match)


def _first_finding(lines: Sequence[str]) -> str:
    """The tool's first lines about an error, and its summary; without any, the last lines."""
    marked = [line for line in lines if line.startswith("=========")]
    errors = [line for line in marked if re.search(r"Invalid|Error|ERROR|hazard|Uninitialized|Barrier", line)]
    return " ".join(errors[:2] + errors[2:][-1:] if errors else lines[-2:])


if __name__ == "__main__":
    command()
