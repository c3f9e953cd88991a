"""compute-sanitizer is found, run over each kernel, and what it says becomes a row; the program is a stand-in."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import gpu_sanitizer
from benchmarks.gpu_launches import KERNELS_BY_NAME
from benchmarks.gpu_report import Report, read_report
from benchmarks.gpu_sanitizer import TOOLS, checked, find_sanitizer, measure
from gridrt.errors import DependencyError, GridRTError

CLEAN = "echo '20 launches'; echo '========= ERROR SUMMARY: 0 errors'"
INVALID = """
echo '========= COMPUTE-SANITIZER'
echo '========= Invalid __global__ read of size 4 bytes'
echo '=========     at gridrt_grid_fusion+0x10'
echo '========= ERROR SUMMARY: 1 error'
exit 86"""


@pytest.fixture
def sanitizer(tmp_path: Path) -> Callable[[str], str]:
    """Writes a program of that name, of lines for a shell."""

    def written(lines: str) -> str:
        program = tmp_path / "bin" / "compute-sanitizer"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{lines}\n")
        program.chmod(0o755)
        return str(program)

    return written


def soon() -> float:
    return time.monotonic() + 30


def test_it_is_found_with_the_toolkit(sanitizer: Callable[[str], str], tmp_path: Path) -> None:
    program = sanitizer(CLEAN)

    assert find_sanitizer({"PATH": "", "CUDA_HOME": str(tmp_path)}) == program


def test_where_it_is_missing_the_error_says_where_it_comes_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)

    with pytest.raises(DependencyError) as caught:
        find_sanitizer({"PATH": str(tmp_path)})
    assert caught.value.place == "not run"
    assert "CUDA_HOME" in caught.value.remedy


def test_a_tool_that_finds_nothing_is_quoted(sanitizer: Callable[[str], str]) -> None:
    assert checked(sanitizer(CLEAN), "memcheck", "GridFusion", soon()) == "0 errors; 20 launches"


def test_it_runs_the_program_of_the_kernel_under_the_tool(sanitizer: Callable[[str], str]) -> None:
    summary = checked(sanitizer('echo "RACECHECK SUMMARY: $@"'), "racecheck", "BatchedNms", soon())

    assert summary.startswith("--tool racecheck --error-exitcode 86 ")
    assert summary.endswith("-m benchmarks.gpu_launches BatchedNms")


@pytest.mark.parametrize(
    ("lines", "status", "lines_told"),
    [
        (INVALID, 86, ("Invalid __global__ read of size 4 bytes", "ERROR SUMMARY: 1 error")),
        ("echo 'no driver'; exit 1", 1, ("no driver",)),
        ("kill -SEGV $$", -11, ()),
    ],
)
def test_what_a_tool_finds_is_an_error(
    sanitizer: Callable[[str], str], lines: str, status: int, lines_told: tuple[str, ...]
) -> None:
    with pytest.raises(GridRTError, match="memcheck") as caught:
        checked(sanitizer(lines), "memcheck", "GridFusion", soon())
    assert str(caught.value.value).startswith(f"exit code {status}: ")
    assert all(line in str(caught.value.value) for line in lines_told)


def test_a_check_that_hangs_is_ended(sanitizer: Callable[[str], str]) -> None:
    with pytest.raises(GridRTError) as caught:
        checked(sanitizer("exec sleep 600"), "memcheck", "GridFusion", time.monotonic() + 1)
    assert caught.value.place == "not run to its end"


def test_every_tool_looks_at_every_kernel_and_one_that_fails_is_one_row(
    sanitizer: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = sanitizer(f'case "$*" in *racecheck*GridFusion) exit 3;; esac\n{CLEAN}')
    monkeypatch.setattr(gpu_sanitizer, "find_sanitizer", lambda _: program)

    measure(Report(tmp_path / "gpu_sanitizer.json", {}), soon())

    rows, _ = read_report(tmp_path / "gpu_sanitizer.json")
    assert {row["what"] for row in rows} == {f"{tool} {op}" for tool in TOOLS for op in KERNELS_BY_NAME}
    assert [row["what"] for row in rows if "problem" in row] == ["racecheck GridFusion"]
