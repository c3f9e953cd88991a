from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gridrt.machine.packages import Package, find_packages


@pytest.mark.parametrize("name", ["numpy", "torch", "onnx", "pillow", "pycocotools"])
def test_a_required_package_has_the_version_that_pip_lists(name: str) -> None:
    found = find_packages()[name]

    assert found == Package(name, True, found.version, "", "")
    assert public(found.version) == public(importlib.metadata.version(name))


def public(version: str | None) -> str:
    """Without the label of a build, as in 2.13.0+cu130, which pip and the package itself tell or leave out."""
    return str(version).split("+", maxsplit=1)[0]


@pytest.mark.parametrize("name", ["tensorrt", "matplotlib"])
def test_a_missing_package_is_installed_by_its_name_in_any_folder(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, name, None)

    assert find_packages()[name] == Package(name, False, None, "not installed", f"pip install {name}")


def test_a_missing_namespace_package_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda", None)
    monkeypatch.delitem(sys.modules, "cuda.bindings", raising=False)

    assert find_packages()["cuda-bindings"].problem == "not installed"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("raise OSError('libnvinfer.so.11:\\n  not found')", "OSError: libnvinfer.so.11: not found"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
    ids=["raises", "lacks another package"],
)
def test_a_broken_package_reports_what_it_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, problem: str
) -> None:
    (tmp_path / "tensorrt.py").write_text(source)
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    monkeypatch.syspath_prepend(tmp_path)

    broken = find_packages()["tensorrt"]

    assert not broken.usable
    assert broken.problem == f"does not import: {problem}"
    assert broken.remedy == "pip install --force-reinstall tensorrt"


def test_a_package_without_a_version_is_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", SimpleNamespace())

    assert find_packages()["tensorrt"].usable
