"""All parts run, each in its time, and whatever happens to one is a row; the parts are stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks import gpu, gpu_archive, gpu_preflight
from benchmarks.gpu import command, limits, plan, run_all, verdict
from benchmarks.gpu_archive import write_archive
from benchmarks.gpu_parts import PARTS, Part
from benchmarks.gpu_preflight import REQUIREMENTS, Requirement, missing, version_problem

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

    def made(name: str, code: str, seconds: float = 60, needs: Sequence[str] = ()) -> Part:
        (tmp_path / f"stand_in_{name}.py").write_text(code)
        return Part(name, (f"stand_in_{name}",), seconds, needs)

    return made


def archived(out: Path, name: str) -> bytes:
    with zipfile.ZipFile(out / "gpu.zip") as archive:
        return archive.read(name)


def rows_of(out: Path, name: str) -> Sequence[dict[str, str]]:
    rows: Sequence[dict[str, str]] = json.loads(archived(out, f"gpu_{name}.json"))["rows"]
    return rows


def run(parts: Sequence[Part], tmp_path: Path, seconds: float) -> bool:
    return run_all(parts, tmp_path, tmp_path / "out", seconds)


def test_a_part_that_ends_well_is_reported(
    part: Callable[..., Part], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([part("good", WRITES)], tmp_path, 60) is False

    assert rows_of(tmp_path / "out", "good") == [{"what": "speed", "result": "3 ms", "milliseconds": 3}]
    output = capsys.readouterr().out
    assert "speed" in output
    assert "\nno problems\nWritten to " in output
    assert archived(tmp_path / "out", "table.txt").decode().endswith("no problems")


def test_parts_that_fail_are_rows_with_reasons_and_the_rest_goes_on(
    part: Callable[..., Part], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = [
        part("raises", f"{WRITES}\nraise RuntimeError('out of tune')"),
        part("crashes", f"{WRITES}\nimport os, signal; os.kill(os.getpid(), signal.SIGSEGV)"),
        part("silent", ""),
        part("problem", f"{WRITES}\nreport.problem('size', 'too large'); sys.exit(1)"),
        part("good", WRITES),
    ]

    assert run(parts, tmp_path, 183) is True

    reasons = {each.name: [row.get("problem") for row in rows_of(tmp_path / "out", each.name)] for each in parts}
    assert reasons == {
        "raises": [None, "exit code 1; RuntimeError: out of tune"],
        "crashes": [None, "ended by SIGSEGV; speed 3 ms"],
        "silent": ["exit code 0; no output"],
        "problem": [None, "too large"],
        "good": [None],
    }
    output = capsys.readouterr().out
    assert "  | RuntimeError: out of tune" in output
    assert "PROBLEM: too large" in output
    assert "\n4 problems\n" in output
    assert b"out of tune" in archived(tmp_path / "out", "raises.log")


def test_what_a_part_started_ends_with_it(part: Callable[..., Part], tmp_path: Path) -> None:
    late = f"import time, pathlib; time.sleep(1.2); pathlib.Path({str(tmp_path / 'late')!r}).touch()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {late!r}])"

    run([part("parent", code)], tmp_path, 1)
    time.sleep(1.7)

    assert "its time limit" in rows_of(tmp_path / "out", "parent")[0]["problem"]
    assert not (tmp_path / "late").exists()


def test_a_part_that_hangs_is_ended_at_its_limit_and_takes_nothing_from_those_behind_it(
    part: Callable[..., Part], tmp_path: Path
) -> None:
    parts = [part("hangs", "import time; time.sleep(600)", seconds=1), part("good", WRITES, seconds=79)]

    assert run(parts, tmp_path, 80) is True

    assert rows_of(tmp_path / "out", "hangs")[0]["problem"] == "ended after 1 s, its time limit; no output"
    assert rows_of(tmp_path / "out", "good")[0]["result"] == "3 ms"


def test_the_archive_is_whole_after_each_part(part: Callable[..., Part], tmp_path: Path) -> None:
    """The second part looks into it."""
    looks = f"import zipfile; print(zipfile.ZipFile({str(tmp_path / 'out' / 'gpu.zip')!r}).namelist())"

    run([part("first", WRITES), part("looks", f"{looks}\n{WRITES}")], tmp_path, 120)

    assert archived(tmp_path / "out", "looks.log").decode().startswith("['table.txt', 'gpu_first.json', 'first.log']")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["gpu.zip"]


def test_the_archive_has_room_for_a_bounded_size_and_tells_what_it_leaves_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_archive, "MOST_BYTES", 20_000)

    left_out = write_archive(tmp_path, {"a": b"1", "large": os.urandom(30_000), "b": b"2"})

    assert left_out == ["large"]
    assert (tmp_path / "gpu.zip").stat().st_size <= 20_000
    assert (archived(tmp_path, "a"), archived(tmp_path, "b")) == (b"1", b"2")


def test_parts_beyond_the_time_of_all_are_not_begun(part: Callable[..., Part], tmp_path: Path) -> None:
    assert run([part("late", WRITES)], tmp_path, 0) is True

    assert rows_of(tmp_path / "out", "late") == [{"what": "late", "problem": "not run: no time was left"}]


def test_what_a_machine_has_not_does_not_apply_and_is_no_problem(
    part: Callable[..., Part], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = {"TensorRT": Requirement(lambda: "not installed", "pip install it")}
    monkeypatch.setattr(gpu_preflight, "REQUIREMENTS", lacking)

    assert run([part("engines", "raise SystemExit(3)", needs=["TensorRT"])], tmp_path, 60) is False

    (row,) = rows_of(tmp_path / "out", "engines")
    assert row["inapplicable"] == "no TensorRT (not installed)"
    assert verdict([row]) == "no problems, 1 not applicable here"


def test_without_a_gpu_it_says_so_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(gpu_preflight.REQUIREMENTS, "GPU", Requirement(lambda: "none is found", "A GPU."))
    monkeypatch.delattr(gpu, "run_all")

    answer = CliRunner().invoke(command, ["--out", str(tmp_path)])

    assert answer.exit_code == 1
    assert "GPU is missing (found none is found)" in answer.stderr


@pytest.mark.parametrize("failed", [True, False])
def test_the_exit_code_tells_of_problems(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, failed: bool) -> None:
    monkeypatch.setattr(gpu, "require_all", lambda: None)
    monkeypatch.setattr(gpu, "run_all", lambda *_: failed)

    assert CliRunner().invoke(command, ["--out", str(tmp_path)]).exit_code == int(failed)


def test_the_parts_are_modules_that_take_their_arguments_and_files_of_their_own(root: Path) -> None:
    assert len({part.name for part in PARTS}) == len(PARTS)
    for part in PARTS:
        assert (root / f"{part.module[0].replace('.', '/')}.py").exists()
        assert part.command(Path("out.json"))[-2:] == ["--out", "out.json"]
        assert {*part.needs, *part.improved_by} <= REQUIREMENTS.keys()
        paths = [argument for argument in part.module[1:] if argument.startswith("tests")]
        assert all((root / path).exists() for path in paths)


def test_every_test_on_a_gpu_belongs_to_a_part(root: Path) -> None:
    run_by_parts = {argument for part in PARTS for argument in part.module if argument.startswith("tests")}
    for file in (root / "tests" / "gpu").rglob("test_*.py"):
        path = file.relative_to(root)
        assert run_by_parts & {str(path), str(path.parent)}, path


def test_what_proves_most_comes_first_and_compiling_last() -> None:
    kinds = [next(kind for kind in KINDS if part.name.startswith(kind) or part.name == kind) for part in PARTS]
    assert list(dict.fromkeys(kinds)) == list(KINDS)
    assert PARTS[-1].name == "compile"


KINDS = (
    *(
        "tests_batched_nms",
        "tests_grid_fusion",
        "tests_multi_level_roi_align",
        "tests_group_norm_relu",
        "tests_torch_ops",
    ),
    *("tests_torch_cuda_session", "sanitizer", "kernel_", "latency", "operators", "accuracy"),
    *("tests_engine", "engines", "compile"),
)


@pytest.mark.parametrize("seconds", [500.0, 100.0])
def test_the_limits_sum_to_the_time_of_all(seconds: float) -> None:
    assert sum(limits(PARTS, seconds)) == pytest.approx(seconds)
    assert sum(part.seconds for part in PARTS) == gpu.SECONDS


def test_the_limits_that_parts_set_themselves_are_within_their_own() -> None:
    for part in PARTS:
        if "--seconds" in part.module:
            assert float(part.module[part.module.index("--seconds") + 1]) < part.seconds


def test_the_plan_lists_parts_in_order_with_limits_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    known: dict[str, Requirement] = dict.fromkeys(REQUIREMENTS, Requirement(lambda: None, ""))
    known["TensorRT"] = Requirement(lambda: "not installed", "pip install it")
    for module in (gpu, gpu_preflight):
        monkeypatch.setattr(module, "REQUIREMENTS", known)
    parts = [
        Part("first", ("a",), 30),
        Part("engines", ("b",), 10, needs=("TensorRT",)),
        Part("latency", ("c",), 10, improved_by=("TensorRT",)),
    ]

    lines = list(plan(parts, 100))

    assert lines[0] == "3 parts in at most 100 s, in this order:"
    assert [line.split(maxsplit=4) for line in lines[1:4]] == [
        ["1", "first", "60", "s", "runs"],
        ["2", "engines", "20", "s", "not run: no TensorRT"],
        ["3", "latency", "20", "s", "less: no TensorRT"],
    ]
    assert lines[-1].split(maxsplit=1) == ["TensorRT", "not installed. pip install it"]


def test_a_dry_run_lists_all_parts_and_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(gpu, "run_all")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    answer = CliRunner().invoke(command, ["--dry-run"], catch_exceptions=False)

    assert answer.exit_code == 0
    assert all(part.name in answer.stdout for part in PARTS)


def test_modules_of_parts_import_without_what_a_part_can_do_without(root: Path) -> None:
    modules = sorted({part.module[0] for part in PARTS})
    blocked = dict.fromkeys(("pycocotools", "tensorrt", "tensorrt_rtx", "polygraphy", "torchvision"))
    code = f"import sys; sys.modules.update({blocked}); import {', '.join(modules)}"

    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_a_version_is_judged_by_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    versions: dict[str, Any] = {"pytest": "8.4.2"}
    monkeypatch.setattr("importlib.metadata.version", lambda name: versions[name])

    assert version_problem("pytest", 9) == "version 8.4.2 is older than 9"
    assert version_problem("pytest", 8) is None
    assert version_problem("a_package_that_is_not_here") == "not installed"
    assert set(missing(["pytest"])) == {"pytest"}
