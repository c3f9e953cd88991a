from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from gridrt.cli import exit_codes
from gridrt.cli.main import cli
from gridrt.data.image import save_image
from gridrt.data.synthetic.scene import draw_scene
from gridrt.files import sha256_of
from gridrt.runtime.graph_info import graph_info
from tests.broken import swapped_channels


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_synthetic_file: Path) -> Path:
    """A working folder with a graph, and three images."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(tiny_synthetic_file, tmp_path / "tiny.onnx")
    for seed in range(3):
        save_image(tmp_path / f"pictures/{seed}.png", draw_scene(np.random.default_rng(seed), 96, 128).image)
    return tmp_path


def compare(*arguments: str) -> Result:
    words = ["compare", *arguments, "--threads", "1", "--scale", "160", "128"]
    return CliRunner().invoke(cli, words, catch_exceptions=False)


def test_the_same_detector_gives_a_table_and_one_line() -> None:
    result = compare("tiny_synthetic", "tiny.onnx", "--images", "pictures")

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[0].split() == ["stage", "measured", "found", "at", "most"]
    assert lines[1].startswith("classes ")
    assert "DIFFERS" not in result.stdout
    assert lines[-1].startswith("same detector, ")
    assert "fp32 and fp32 on 3 images, scale 160 x 128, " in lines[-1]
    assert "Next: gridrt evaluate tiny.onnx " in lines[-1]
    assert result.stderr == ""


def test_another_detector_shows_by_stage_and_status_and_json(folder: Path) -> None:
    onnx.save(swapped_channels(onnx.load("tiny.onnx")), "bgr.onnx")

    result = compare("tiny.onnx", "bgr.onnx", "--json", "out.json", "--images", "pictures/0.png")

    figures = json.loads((folder / "out.json").read_text())
    assert result.exit_code == exit_codes.GATE_NOT_MET
    assert result.stdout.splitlines()[-1].startswith('detectors differ, first at "input": normalised image: ')
    assert (figures["same"], figures["first_difference"], figures["images"]) == (False, "input", 1)
    assert figures["b"]["sha256"] == sha256_of(folder / "bgr.onnx")
    stages = {stage["stage"]: stage["figures"] for stage in figures["stages"]}
    assert stages["classes"][0]["exceeds"] is False
    assert stages["input"][0]["exceeds"] is True
    assert stages["input"][0]["value"] > stages["input"][0]["at_most"]


@pytest.mark.parametrize(
    ("images", "following"),
    [((), "compare tiny.onnx bgr.onnx --images DIR"), (("--images", "pictures/0.png"), "inspect bgr.onnx")],
)
def test_int8_that_differs_on_synthetic_images_is_to_be_compared_on_images_of_its_kind(
    monkeypatch: pytest.MonkeyPatch, images: tuple[str, ...], following: str
) -> None:
    """Its ranges fit what it was calibrated on: a sound one for blood cells differs on synthetic shapes."""
    onnx.save(swapped_channels(onnx.load("tiny.onnx")), "bgr.onnx")
    in_int8 = "gridrt.runtime.graph_info.graph_info"
    monkeypatch.setattr(in_int8, lambda *arguments: replace(graph_info(*arguments), precision="int8"))

    lines = compare("tiny.onnx", "bgr.onnx", *images).stdout.splitlines()

    assert any(line.startswith("note: these are synthetic images") for line in lines) is (not images)
    assert lines[-1].endswith(f"Next: gridrt {following}")


def test_of_many_images_some_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.cli.compare.MOST_IMAGES", 2)

    assert "on 2 images" in compare("tiny.onnx", "tiny.onnx", "--images", "pictures").stdout


def test_without_images_synthetic_ones_are_taken() -> None:
    assert "on 4 images" in compare("tiny.onnx", "tiny.onnx").stdout


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("tiny.onnx", "none.onnx"), "error: none.onnx: "),
        (("tiny.onnx", "tiny.onnx", "--images", "none.png"), "error: none.png: "),
        (("tiny.onnx", "tiny.onnx", "--json", "tiny.onnx"), "error: tiny.onnx: "),
        (("tiny.onnx", "tiny.onnx", "--trust-checkpoint"), "--trust-checkpoint"),
    ],
)
def test_an_error_of_the_user_is_one_line(arguments: tuple[str, ...], error: str) -> None:
    result = compare(*arguments)

    assert result.exit_code == exit_codes.USER_ERROR
    assert error in result.stderr
    assert result.stderr.count("\n") == 1


def test_trust_applies_to_the_side_that_is_a_checkpoint() -> None:
    assert compare("tiny.onnx", "tiny_synthetic", "--trust-checkpoint", "--images", "pictures/0.png").exit_code == 0


def test_a_backend_that_opens_neither_is_an_error_and_one_that_opens_a_side_runs_it() -> None:
    images = ("--images", "pictures/0.png")

    refused = compare("tiny.onnx", "tiny.onnx", "--backend", "pytorch", *images)
    ran = compare("tiny.onnx", "tiny_synthetic", "--backend", "onnxruntime", *images)

    assert (refused.exit_code, ran.exit_code) == (exit_codes.USER_ERROR, 0)
    assert refused.stderr.startswith("error: --backend: ")
    assert "(found tiny.onnx, tiny.onnx)" in refused.stderr
