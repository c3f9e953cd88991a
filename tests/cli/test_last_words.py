"""A verb that dies says where. The deaths are of a stand-in, with the signals of real ones."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from gridrt.data.image import save_image
from tests.datasets import write_dataset
from tests.fakes import whole_image_graph

DEATHS = {
    "segmentation fault": ("ctypes.string_at(0)", -signal.SIGSEGV, "Segmentation fault"),
    "abort": ("os.abort()", -signal.SIGABRT, "Aborted"),
    "kill": ("os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, "killed"),
}
ENDS = {
    "return": ("pass", 0),
    "exit": ("sys.exit(3)", 3),
    "interrupt": ("raise KeyboardInterrupt", -signal.SIGINT),
}
WORK = """
import ctypes, os, resource, signal, sys
from gridrt.cli.last_words import last_words
from gridrt.work import working_on
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
with last_words("model.onnx"):
    working_on("a.png")
    working_on("b\\x1b.png")
    {}
"""
VERB = """
import ctypes, resource, sys
from gridrt.cli.main import cli
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession

def run(self, *arguments, real=OnnxRuntimeSession.run, left=[1]):
    left[0] -= 1
    return real(self, *arguments) if left[0] >= 0 else ctypes.string_at(0)

OnnxRuntimeSession.run = run
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
cli(sys.argv[1:], prog_name="gridrt")
"""


def run(program: str, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONFAULTHANDLER": ""}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("death", DEATHS)
def test_a_process_that_dies_has_one_line_with_its_work_and_keeps_its_status(death: str) -> None:
    act, status, cause = DEATHS[death]

    ended = run(WORK.format(act))

    assert ended.returncode == status
    assert ended.stderr.startswith("error: b\\x1b.png, model model.onnx: ")
    assert (ended.stderr.count("\n"), cause in ended.stderr) == (1, True)


@pytest.mark.parametrize("end", ENDS)
def test_a_process_that_ends_by_itself_says_nothing_of_it(end: str) -> None:
    act, status = ENDS[end]

    ended = run(WORK.format(act))

    assert ended.returncode == status
    assert "died" not in ended.stderr


def test_a_system_without_room_for_the_watcher_is_told_and_the_work_is_done() -> None:
    ended = run("import sys\nsys.executable = '/nowhere'\n" + WORK.format("print('done')"))

    assert (ended.returncode, ended.stdout) == (0, "done\n")
    assert "a crash would not name its image" in ended.stderr


@pytest.mark.parametrize("verb", ["detect", "evaluate"])
def test_a_crash_of_the_runtime_names_the_image_and_the_model(tmp_path: Path, verb: str) -> None:
    onnx.save(whole_image_graph(), tmp_path / "model.onnx")
    for name in ("0.png", "1.png", "2.png"):
        save_image(tmp_path / name, np.full((48, 64, 3), 255, np.uint8))
    images = [{"id": number, "file_name": f"{number}.png", "width": 64, "height": 48} for number in range(3)]
    objects = [{"id": 1, "image_id": 0, "category_id": 1, "bbox": [0, 0, 64, 48]}]
    write_dataset(tmp_path, {"images": images, "categories": [{"id": 1, "name": "scene"}], "annotations": objects})
    arguments = {
        "detect": ["detect", "*.png", "--model", "model.onnx"],
        "evaluate": ["evaluate", "model.onnx", "--images", ".", "--annotations", "annotations.json"],
    }[verb]

    ended = run(VERB, *arguments, "--scale", "96", "64", folder=tmp_path)

    assert ended.returncode == -signal.SIGSEGV
    assert ended.stderr.splitlines()[-1].startswith("error: 1.png, model model.onnx: ")
    assert "Segmentation fault" in ended.stderr
