from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from gridrt.machine.packages import Package, find_packages, probe_package


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


@pytest.fixture
def builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs builds of ONNX Runtime, as far as their metadata go, in place of those that are there."""

    def install(*names: str) -> None:
        for name in (*names, "onnxruntime-extensions"):
            facts = tmp_path / f"{name.replace('-', '_')}-1.32.0.dist-info"
            facts.mkdir()
            (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.32.0\n")
            (facts / "top_level.txt").write_text(f"{'onnxruntime' if name in names else name}\n")
        there = list(importlib.metadata.distributions(path=[str(tmp_path)]))
        monkeypatch.setattr("importlib.metadata.distributions", lambda: there)

    return install


@pytest.mark.parametrize("other", ["onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml"])
def test_two_builds_of_onnxruntime_in_one_folder_are_named_and_mended_by_keeping_the_special_one(
    builds: Callable[..., None], other: str
) -> None:
    builds("onnxruntime", other)

    found = probe_package("onnxruntime")

    assert found.usable
    assert f"onnxruntime and {other}" in found.problem
    assert found.remedy.splitlines() == [f"pip uninstall --yes onnxruntime {other}", f"pip install {other}"]


@pytest.mark.parametrize("only", ["onnxruntime", "onnxruntime-gpu"])
def test_one_build_of_onnxruntime_is_no_problem(builds: Callable[..., None], only: str) -> None:
    builds(only)

    assert (probe_package("onnxruntime").problem, probe_package("onnxruntime").remedy) == ("", "")


def test_of_several_special_builds_that_for_cuda_stays(builds: Callable[..., None]) -> None:
    builds("onnxruntime", "onnxruntime-gpu", "onnxruntime-training")

    assert probe_package("onnxruntime").remedy.splitlines()[1] == "pip install onnxruntime-gpu"


def test_a_build_whose_files_went_with_another_is_installed_anew(
    builds: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    builds("onnxruntime-gpu")

    found = probe_package("onnxruntime")

    assert (found.usable, found.problem) == (False, "not installed")
    assert found.remedy.splitlines() == [
        "pip uninstall --yes onnxruntime onnxruntime-gpu",
        "pip install onnxruntime-gpu",
    ]


def test_a_package_without_a_version_is_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", SimpleNamespace())

    assert find_packages()["tensorrt"].usable
