"""All parts run, each in its time, and whatever happens to one is a row; the parts are stand-ins."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from benchmarks import gpu
from benchmarks.gpu import PARTS, Part, command, run_all, table

WRITES = """
import sys
from pathlib import Path
from benchmarks.gpu_report import Report
report = Report(Path(sys.argv[-1]), {"gpus": ["stand-in"]})
report.add("speed", "3 ms", milliseconds=3)
"""


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Callable[..., Part]:
    """Makes a part of lines of Python."""
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{root}")

    def made(name: str, code: str, seconds: float = 60) -> Part:
        (tmp_path / f"stand_in_{name}.py").write_text(code)
        return Part(name, (f"stand_in_{name}",), seconds)

    return made


def rows_of(results: Path, name: str) -> Sequence[dict[str, str]]:
    rows: Sequence[dict[str, str]] = json.loads((results / f"gpu_{name}.json").read_text())["rows"]
    return rows


def test_a_part_that_ends_well_is_reported(
    part: Callable[..., Part], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_all([part("good", WRITES)], tmp_path, 60) is False

    assert rows_of(tmp_path, "good") == [{"what": "speed", "result": "3 ms", "milliseconds": 3}]
    output = capsys.readouterr().out
    assert "speed" in output
    assert output.endswith("no problems\n")


def test_parts_that_fail_are_rows_with_reasons_and_the_rest_goes_on(
    part: Callable[..., Part], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gpu_hangs.json").write_text("an older result")
    parts = [
        part("raises", f"{WRITES}\nraise RuntimeError('out of tune')"),
        part("crashes", f"{WRITES}\nimport os, signal; os.kill(os.getpid(), signal.SIGSEGV)"),
        part("hangs", "import time; time.sleep(600)", seconds=3),
        part("silent", ""),
        part("problem", f"{WRITES}\nreport.problem('size', 'too large'); sys.exit(1)"),
        part("good", WRITES),
    ]

    assert run_all(parts, tmp_path, 120) is True

    reasons = {each.name: [row.get("problem") for row in rows_of(tmp_path, each.name)] for each in parts}
    assert reasons == {
        "raises": [None, "exit code 1; RuntimeError: out of tune"],
        "crashes": [None, "ended by SIGSEGV; speed 3 ms"],
        "hangs": ["ended after 3 s, its time limit; no output"],
        "silent": ["exit code 0; no output"],
        "problem": [None, "too large"],
        "good": [None],
    }
    output = capsys.readouterr().out
    assert "  | RuntimeError: out of tune" in output
    assert "PROBLEM: too large" in output
    assert output.endswith("5 problems\n")


def test_what_a_part_started_ends_with_it(part: Callable[..., Part], tmp_path: Path) -> None:
    late = f"import time, pathlib; time.sleep(4); pathlib.Path({str(tmp_path / 'late')!r}).touch()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {late!r}])"

    run_all([part("parent", code, seconds=2)], tmp_path, 60)
    time.sleep(3)

    assert "its time limit" in rows_of(tmp_path, "parent")[0]["problem"]
    assert not (tmp_path / "late").exists()


def test_parts_beyond_the_time_of_all_are_not_begun(part: Callable[..., Part], tmp_path: Path) -> None:
    assert run_all([part("late", WRITES)], tmp_path, 0) is True

    assert rows_of(tmp_path, "late") == [{"what": "late", "problem": "not run: no time was left"}]
    assert "date" in json.loads((tmp_path / "gpu_late.json").read_text())["conditions"]


def test_without_a_gpu_it_says_so_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.delattr(gpu, "run_all")

    answer = CliRunner().invoke(command)

    assert answer.exit_code == 1
    assert "cannot use an NVIDIA GPU" in answer.stderr


@pytest.mark.parametrize("failed", [True, False])
def test_the_exit_code_tells_of_problems(monkeypatch: pytest.MonkeyPatch, *, failed: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(gpu, "run_all", lambda *_: failed)

    assert CliRunner().invoke(command).exit_code == int(failed)


def test_the_parts_are_modules_that_take_their_arguments_and_files_of_their_own(root: Path) -> None:
    assert len({part.name for part in PARTS}) == len(PARTS)
    for part in PARTS:
        assert (root / f"{part.module[0].replace('.', '/')}.py").exists()
        assert part.command(Path("out.json"))[-2:] == ["--out", "out.json"]


def test_the_table_has_a_title_for_each_part_and_a_line_for_each_row() -> None:
    tables = [
        ("speed, 3 s", [{"what": "a", "result": "1 ms"}, {"what": "b", "problem": "no b here"}]),
        ("size, 1 s", []),
    ]

    assert list(table(tables)) == [
        "speed, 3 s",
        f"  {'a':<44}  1 ms",
        f"  {'b':<44}  PROBLEM: no b here",
        "size, 1 s",
        "1 problem",
    ]
