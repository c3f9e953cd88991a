"""Commands that need no PyTorch import none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from tests.fakes import whole_image_graph

HEAVY = {"torch", "onnxruntime", "openvino", "cv2", "matplotlib", "pandas"}
COMMAND = """
import sys
from gridrt.cli.main import cli
try:
    cli.main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print("imported", *sys.modules, file=sys.stderr)
sys.exit(code)
"""
DATA = ("--images", ".", "--annotations", "truth.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("folder")
    onnx.save(whole_image_graph(), path / "a.onnx")
    (path / "truth.json").write_text("{}")
    return path


@pytest.mark.parametrize(
    "words",
    [
        ["export", "none.pth"],
        ["detect", "none.png", "--model", "tiny_synthetic"],
        ["detect", "a.png", "--model", "none.onnx"],
        ["calibrate", "none.onnx", "--images", "."],
        ["build-engine", "none.onnx"],
        ["train", "--images", ".", "--annotations", "none.json"],
        ["compare", "none.onnx", "a.onnx"],
        ["evaluate", "none.onnx", *DATA],
        ["bench", "none.onnx", *DATA],
        ["inspect", "none.onnx"],
    ],
    ids=str,
)
def test_a_wrong_path_imports_nothing_heavy(folder: Path, words: list[str]) -> None:
    assert (HEAVY | {"urllib.request"}).isdisjoint(imported_by(words, folder, code=1))


def test_inspect_of_a_graph_imports_its_runtimes_alone(folder: Path) -> None:
    imported = imported_by(["inspect", "a.onnx"], folder, code=0)

    assert (HEAVY - {"onnxruntime", "openvino"}).isdisjoint(imported)


def imported_by(words: list[str], folder: Path, code: int) -> list[str]:
    """The modules that are imported when a command ends with this code."""
    command = [sys.executable, "-c", COMMAND, *words]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == code, ran.stderr
    first, *modules = ran.stderr.splitlines()[-1].split()
    assert first == "imported"
    return modules
