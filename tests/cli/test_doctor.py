from __future__ import annotations

import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

import gridrt
from gridrt.cli.main import cli
from gridrt.runtime.backend import backends


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
    assert rows["PyTorch, CPU"] == "runs (--backend pytorch)"
    assert rows["ONNX Runtime, CPU"] == "runs (--backend onnxruntime)"
    assert rows["openvino"].startswith("20")
    assert rows["CPU's precisions"].startswith("FP32; ")
    assert "Likely the fastest: the graph in" in answer.stdout


def test_json_has_the_same_facts() -> None:
    facts = json.loads(doctor("--json").stdout)

    assert facts["gridrt"] == gridrt.__version__
    assert {package["name"]: package["version"] for package in facts["packages"]}["torch"] == torch.__version__
    assert {backend["name"]: backend["runs"] for backend in facts["backends"]}["ONNX Runtime, CPU"]
    assert facts["cpu"]["cores"] >= 1
    assert facts["advice"]["backend"] == ("tensorrt" if facts["gpus"] else "openvino")


def test_a_broken_optional_package_is_a_row_and_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_package("tensorrt", tmp_path, monkeypatch)

    answer = doctor()

    assert answer.exit_code == 0
    assert "does not import: OSError: a library is missing (optional)" in answer.stdout
    assert "$ pip install --force-reinstall tensorrt" in answer.stdout


def test_builds_of_onnxruntime_that_share_a_folder_are_told_with_a_command_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = tmp_path / "onnxruntime_gpu-1.32.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxruntime-gpu\nVersion: 1.32.0\n")
    (facts / "top_level.txt").write_text("onnxruntime\n")
    monkeypatch.syspath_prepend(tmp_path)

    answer = doctor()

    assert answer.exit_code == 0
    assert "; onnxruntime and onnxruntime-gpu share one folder" in answer.stdout
    commands = [line.strip() for line in answer.stdout.splitlines() if "onnxruntime-gpu" in line and "$" in line]
    assert commands[:2] == ["$ pip uninstall --yes onnxruntime onnxruntime-gpu", "$ pip install onnxruntime-gpu"]


def test_a_broken_required_package_is_told_after_all_else_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_package("safetensors", tmp_path, monkeypatch)

    answer = doctor()

    assert answer.exit_code == 1
    assert "Backends" in answer.stdout
    assert "OSError: a library is missing\n" in answer.stdout
    assert answer.stderr.startswith("error: safetensors: this required package is missing")
    assert answer.stderr.count("\n") == 1


@pytest.fixture
def other_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with a backend, which requires a package that is not installed."""
    facts = tmp_path / "other-1.5.dist-info"
    facts.mkdir()
    required = "Requires-Dist: numpy>=2\nRequires-Dist: other-runtime>=3\nRequires-Dist: extra-one; extra == 'dev'\n"
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: other\nVersion: 1.5\n{required}")
    (facts / "entry_points.txt").write_text("[gridrt.backends]\nother = other_backend:BACKEND\n")
    (tmp_path / "other_backend.py").write_text(
        "from gridrt.runtime.backend import Availability, Backend\n"
        "class Other(Backend):\n"
        "    name = 'other'\n"
        "    def probe(self):\n"
        "        return [Availability('A backend with a rather long name, NPU', 'other-runtime: not installed')]\n"
        "BACKEND = Other()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    backends.cache_clear()
    yield tmp_path
    backends.cache_clear()
    sys.modules.pop("other_backend", None)


@pytest.mark.usefixtures("other_package")
def test_a_package_that_brings_a_backend_is_listed_with_what_it_requires() -> None:
    answer = doctor()

    assert answer.exit_code == 0
    lines = answer.stdout.splitlines()
    (backend,) = (line for line in lines if "rather long name" in line)
    column = backend.index("does not run: other-runtime: not installed")
    rows = {line[2 : column - 1].strip(): line[column:] for line in lines if line.startswith("  ")}
    assert rows["other"] == "1.5"
    assert rows["other-runtime"] == "not installed (optional)"
    assert f"{'':<{column}}$ pip install 'other-runtime>=3'" in lines
    assert rows["torch"] == torch.__version__
    assert "extra-one" not in rows


@pytest.mark.usefixtures("other_package")
def test_json_keeps_its_keys_for_backends_of_other_packages() -> None:
    facts = json.loads(doctor("--json").stdout)

    assert {
        "name": "A backend with a rather long name, NPU",
        "problem": "other-runtime: not installed",
        "remedy": "",
        "runs": False,
        "backend": "other",
    } in facts["backends"]
    assert [package["name"] for package in facts["packages"]].count("numpy") == 1


def test_a_backend_that_cannot_be_loaded_is_named_and_the_others_are_shown(other_package: Path) -> None:
    (other_package / "other_backend.py").write_text("raise OSError('broken')")

    answer = doctor()

    assert answer.exit_code == 0
    assert "ONNX Runtime, CPU" in answer.stdout
    assert answer.stderr.startswith("warning: cannot load the backend other = other_backend:BACKEND: broken")
