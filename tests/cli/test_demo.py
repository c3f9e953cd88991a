from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gridrt import demo
from gridrt.cli.main import cli
from gridrt.data.image import load_image
from gridrt.errors import VerificationError
from gridrt.model.checkpoint import load_model, save_weights

PICTURES = 14  # more than fit on the sheet


def run_demo(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["demo", *arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def result(folder: Path) -> Iterator[Result]:
    """The whole demo on a few pictures, where a file of an earlier one lies, by a program that is not on the path."""
    (folder / "demo").mkdir()
    (folder / "demo/tiny_synthetic.onnx").write_text("left by a demo before")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PATH", os.devnull)
        patch.setattr("sys.argv", [".venv/bin/gridrt", "demo"])
        yield run_demo("--pictures", str(PICTURES))


def average_precision(folder: Path, side: str) -> float:
    return float(json.loads((folder / f"demo/{side}.json").read_text())["overall"]["ap"])


def test_it_shows_every_command_that_it_runs_ready_to_paste(result: Result) -> None:
    assert (result.exit_code, result.stderr) == (0, "")
    shown = [line.removeprefix("$ .venv/bin/gridrt ") for line in result.stdout.splitlines() if line.startswith("$")]
    evaluate = "evaluate --model {} --images demo/val --annotations demo/instances_val.json --json demo/{}.json"
    assert shown == [
        "export --weights tiny_synthetic --out demo/tiny_synthetic.onnx",
        evaluate.format("tiny_synthetic", "pytorch"),
        evaluate.format("demo/tiny_synthetic.onnx", "onnxruntime"),
    ]


def test_the_shipped_detector_really_detects_on_both_sides(folder: Path, result: Result) -> None:
    assert result.exit_code == 0
    by_torch, by_onnxruntime = average_precision(folder, "pytorch"), average_precision(folder, "onnxruntime")
    assert by_torch > 0.6
    assert by_onnxruntime == pytest.approx(by_torch, abs=1e-3)


def test_it_tells_both_precisions_how_far_the_sides_differ_how_long_they_took_and_where_all_lies(
    folder: Path, result: Result
) -> None:
    lines = result.stdout.splitlines()
    for name, side in (("PyTorch", "pytorch"), ("ONNX Runtime", "onnxruntime")):
        (row,) = (line for line in lines if line.startswith(f"{name} ") and len(line.split()) > 5)
        assert row.removeprefix(name).split()[0] == f"{100 * average_precision(folder, side):.1f}"
    for told in ("in 12 pictures: ", " 0 missing, 0 extra; largest difference", "median of 3 runs", " 1 thread of "):
        assert told in result.stdout
    assert lines[-1].startswith("Demo done, results in demo, detections drawn in demo/detections.png, ")
    nexts = [line.split("Next: ")[1] for line in lines if "Next: " in line]
    assert [command.split()[:2] for command in nexts] == [
        [".venv/bin/gridrt", verb] for verb in ("detect", "detect", "detect", "export")
    ]


def test_it_writes_pictures_a_graph_and_a_sheet(folder: Path, result: Result) -> None:
    assert result.exit_code == 0
    assert {path.name for path in (folder / "demo").iterdir()} == {
        *("val", "instances_val.json", "tiny_synthetic.onnx", "pytorch.json", "onnxruntime.json", "detections.png")
    }
    assert len(list((folder / "demo/val").iterdir())) == PICTURES
    height, width, _ = load_image(folder / "demo/detections.png").shape
    assert (height, width) > (3 * 256, 4 * 320)


def test_sides_that_disagree_are_an_error(tmp_path: Path, folder: Path, result: Result) -> None:
    assert result.exit_code == 0
    model = load_model(demo.MODEL)
    model.roi_head.bbox_head.fc_cls.bias.data[-1] -= 0.1  # the background, a little less likely
    save_weights(model, tmp_path / "other.pth")
    pictures = sorted((folder / "demo/val").iterdir())[:2]

    with pytest.raises(VerificationError, match="the graph must detect what its model does"):
        demo.compare(tmp_path / "other.pth", folder / "demo/tiny_synthetic.onnx", pictures, tmp_path / "sheet.png")


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")

    failed = run_demo("--out", str(tmp_path / "demo"))

    assert failed.exit_code == 1
    assert failed.stderr.startswith(f"error: {tmp_path}/demo/val: the result cannot be written here")
