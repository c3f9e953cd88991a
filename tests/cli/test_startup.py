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
    ("words", "code"),
    [
        (["export", "none.pth"], 1),
        (["detect", "none.png", "--model", "tiny_synthetic"], 1),
        (["detect", "a.png", "--model", "none.onnx"], 1),
        (["calibrate", "none.onnx", "--images", "."], 1),
        (["build-engine", "none.onnx"], 1),
        (["train", "--images", ".", "--annotations", "none.json"], 1),
        (["compare", "none.onnx", "a.onnx"], 1),
        (["evaluate", "none.onnx", *DATA], 1),
        (["bench", "none.onnx", *DATA], 1),
        (["inspect", "none.onnx"], 1),
        (["inspect", "a.onnx"], 0),
    ],
    ids=str,
)
def test_a_wrong_path_and_inspect_of_a_graph_import_nothing_heavy(folder: Path, words: list[str], code: int) -> None:
    command = [sys.executable, "-c", COMMAND, *words]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    assert ran.returncode == code, ran.stderr
    imported = ran.stderr.splitlines()[-1].split()
    assert imported[0] == "imported"
    assert HEAVY.isdisjoint(imported)
