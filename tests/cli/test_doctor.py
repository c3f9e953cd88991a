from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

import gridrt
from gridrt.cli.main import cli


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", *arguments])


def break_package(module: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / f"{module}.py").write_text("raise OSError('a library is missing')")
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.syspath_prepend(folder)


def test_it_tells_versions_devices_and_backends() -> None:
    answer = doctor()

    assert answer.exit_code == 0
    assert f"gridrt {gridrt.__version__}, Python {platform.python_version()}" in answer.stdout
    rows = {line[2:26].strip(): line[26:] for line in answer.stdout.splitlines() if line.startswith("  ")}
    assert rows["torch"] == torch.__version__
    assert "cores" in rows["CPU"]
    assert rows["PyTorch, CPU"] == rows["ONNX Runtime, CPU"] == "runs"


def test_json_has_the_same_facts() -> None:
    facts = json.loads(doctor("--json").stdout)

    assert facts["gridrt"] == gridrt.__version__
    assert {package["name"]: package["version"] for package in facts["packages"]}["torch"] == torch.__version__
    assert {backend["name"]: backend["runs"] for backend in facts["backends"]}["ONNX Runtime, CPU"]
    assert facts["cpu"]["cores"] >= 1


def test_a_broken_optional_package_is_a_row_and_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_package("tensorrt", tmp_path, monkeypatch)

    answer = doctor()

    assert answer.exit_code == 0
    assert "does not import: OSError: a library is missing (optional)" in answer.stdout
    assert "$ pip install --force-reinstall tensorrt" in answer.stdout


def test_a_broken_required_package_is_told_after_all_else_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_package("safetensors", tmp_path, monkeypatch)

    answer = doctor()

    assert answer.exit_code == 1
    assert "Backends" in answer.stdout
    assert "OSError: a library is missing\n" in answer.stdout
    assert answer.stderr.startswith("error: safetensors: GridRT cannot run without this package")
    assert answer.stderr.count("\n") == 1
