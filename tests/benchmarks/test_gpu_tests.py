"""Tests on a GPU are rows where they do not pass; no GPU is needed to see that."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from benchmarks import gpu_tests
from benchmarks.gpu_report import read_report

KINDS = ("problem", "inapplicable", "result")
TESTS = """
import pytest
pytestmark = pytest.mark.gpu
def test_good(): pass
@pytest.mark.parametrize("size", [1, 2])
def test_large(size): assert size == 1, "too large"
def test_needs_more(): pytest.skip("there is no more")
@pytest.fixture
def broken(): raise RuntimeError("out of tune")
def test_broken(broken): pass
"""


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[dict[str, object]]:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: None)  # where there is one, it looks for a GPU
    out = tmp_path / "gpu_tests.json"
    CliRunner().invoke(gpu_tests.command, [*arguments, "--out", str(out)], catch_exceptions=False)
    return [dict(row) for row in read_report(out)[0]]


def test_what_fails_or_is_skipped_is_a_row_and_the_rest_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "test_gpu_stand_in.py"
    file.write_text(TESTS)

    rows = run(tmp_path, monkeypatch, str(file), "-p", "no:cacheprovider")

    assert [row["what"] for row in rows if "inapplicable" in row] == ["test_needs_more"]
    reasons = {str(row["what"]): next(str(row[kind]) for kind in KINDS if kind in row) for row in rows}
    assert reasons.pop("test_large[2]").startswith("AssertionError: too large")
    assert reasons == {
        "test_needs_more": "Skipped: there is no more",
        "test_broken": "RuntimeError: out of tune",
        "tests that passed": "2",
    }


def test_a_machine_whose_chosen_tests_pass_or_do_not_apply_ends_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "test_gpu_sound.py"
    file.write_text(TESTS)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: None)
    arguments = [str(file), "-k", "good or more", "--out", str(tmp_path / "out.json")]

    assert CliRunner().invoke(gpu_tests.command, arguments, catch_exceptions=False).exit_code == 0
    inapplicable, passed = read_report(tmp_path / "out.json")[0]
    assert inapplicable["what"] == "test_needs_more"
    assert passed == {"what": "tests that passed", "result": "1", "passed": 1}


def test_a_pytest_that_ignores_the_settings_of_the_project_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pytest, "__version__", "8.4.2")

    rows = run(tmp_path, monkeypatch, str(tmp_path))

    assert "8.4.2" in str(rows[0]["problem"])


def test_a_file_that_does_not_import_is_a_row_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "test_gpu_broken.py"
    file.write_text("import a_package_that_is_not_here")

    rows = run(tmp_path, monkeypatch, str(file))

    assert "No module named 'a_package_that_is_not_here'" in str(rows[0]["problem"])


def test_no_test_at_all_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run(tmp_path, monkeypatch, str(tmp_path))

    assert "NO_TESTS_COLLECTED" in str(rows[0]["problem"])
