from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pytest
from click.testing import CliRunner, Result

from gridrt.cli.main import cli
from gridrt.data.image import load_image
from tests.in_process import InProcess

PICTURES = 5  # more than fit on a row of the sheet
MODEL = "tiny_synthetic"


def run_demo(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["demo", *arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def result(folder: Path, tiny_synthetic_file: Path) -> Iterator[Result]:
    """The whole demo on a few pictures, where a file of an earlier one lies, by a program that is not on the path."""
    (folder / "demo").mkdir()
    (folder / "demo/tiny_synthetic.onnx").write_text("left by a demo before")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PATH", os.devnull)
        patch.setattr("sys.argv", [".venv/bin/gridrt", "demo"])
        patch.setattr("gridrt.bench.interleave.REST_SECONDS", 0)
        patch.setattr("gridrt.bench.candidates.CandidateProcess", InProcess)
        patch.setattr("gridrt.bench.interleave.LEAST_RUNS", 1)
        patch.setattr("gridrt.bench.interleave.WARM_UP", 0)
        patch.setattr("gridrt.bench.roofline.stage_rows", lambda *_: [])  # tests/bench/test_roofline.py times stages
        patch.setattr("gridrt.demo.CALIBRATION_IMAGES", 4)
        patch.setattr("gridrt.export.onnx_export.onnx_from_model", lambda *_: onnx.load(tiny_synthetic_file))
        patch.setattr("gridrt.demo.find_spec", lambda _name: None)  # engines have tests of their own
        yield run_demo("--pictures", str(PICTURES))


@pytest.fixture(scope="module")
def rows(folder: Path, result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found = json.loads((folder / "demo/bench.json").read_text())["rows"]
    assert [row["backend"] for row in found] == ["pytorch", *("openvino", "onnxruntime") * 3]
    return {row["artefact"]: row for row in found}


def test_it_shows_every_command_that_it_runs_ready_to_paste(result: Result) -> None:
    assert result.exit_code == 0
    shown = [line.removeprefix("$ .venv/bin/gridrt ") for line in result.stdout.splitlines() if line.startswith("$")]
    graph, int8, engine = (f"demo/{MODEL}.{ending}" for ending in ("onnx", "int8.cpu.onnx", "fp16.engine"))
    on_the_set = "--images demo/val --annotations demo/instances_val.json"
    written = "--max-ap-drop 2 --backend openvino --backend onnxruntime --json demo/bench.json --html demo/report.html"
    assert shown == [
        f"export {MODEL} --out {graph}",
        f"calibrate {graph} --images demo/train --target cpu --out {int8} --cache demo/calibration.npz",
        f"build-engine {graph} --fp16 --onnx-only --out {engine}",
        f"bench {MODEL} {graph} demo/{MODEL}.fp16.onnx {int8} {on_the_set} {written}",
        f"compare {MODEL} {int8}",
    ]


def test_every_artefact_really_detects_as_pytorch_does(rows: dict[str, Any]) -> None:
    assert list(rows) == [MODEL, *(f"demo/{MODEL}.{ending}" for ending in ("onnx", "fp16.onnx", "int8.cpu.onnx"))]
    reference, graph, half, int8 = (row["accuracy"]["overall"]["ap"] for row in rows.values())
    assert reference > 0.6
    assert graph == pytest.approx(reference, abs=1e-3)
    assert half == pytest.approx(reference, abs=0.01)
    assert int8 == pytest.approx(reference, abs=0.02)


def test_the_steps_are_told_in_order_and_the_last_line_tells_where_all_lies(result: Result) -> None:
    lines = result.stdout.splitlines()
    assert [line[:2] for line in lines if line[:2] in {f"{number}." for number in range(10)}] == [
        "1.", "2.", "3.", "4.", "5.", "6."
    ]  # fmt: skip
    assert "No engine: TensorRT for RTX, which builds without a GPU, is not installed." in lines
    assert lines[-1].startswith(
        "Demo done, report in demo/report.html, detections of INT8 drawn in demo/detections.png, "
    )
    assert lines[-1].endswith("Next: .venv/bin/gridrt export YOUR_CHECKPOINT")


def test_it_writes_pictures_artefacts_a_report_and_a_sheet(folder: Path, rows: dict[str, Any]) -> None:
    assert len(rows) == 4
    assert {path.name for path in (folder / "demo").iterdir()} == {
        *("val", "instances_val.json", "train", "instances_train.json", "calibration.npz", "bench.json", "report.html"),
        *(f"{MODEL}.onnx", f"{MODEL}.fp16.onnx", f"{MODEL}.int8.cpu.onnx", "detections.png"),
    }
    assert len(list((folder / "demo/val").iterdir())) == PICTURES
    height, width, _ = load_image(folder / "demo/detections.png").shape
    assert height > 256
    assert width > 4 * 320


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")

    failed = run_demo("--out", str(tmp_path / "demo"))

    assert failed.exit_code == 1
    assert failed.stderr.startswith(f"error: {tmp_path}/demo/val: the result cannot be written here")
