"""The programs of `examples/` run, and those without GridRT find what GridRT finds."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest

import gridrt
from gridrt.data.image import load_image
from gridrt.data.synthetic import write_synthetic

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> ModuleType:
    """The program as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of two images to train on and two to evaluate on."""
    folder = tmp_path_factory.mktemp("data")
    write_synthetic(folder, train_images=2, val_images=2)
    return folder


@pytest.fixture(scope="module")
def picture(data: Path) -> Path:
    return min((data / "val").iterdir())


@pytest.fixture(scope="module")
def expected(tiny_synthetic_file: Path, picture: Path) -> gridrt.Detections:
    """What GridRT finds in the picture."""
    found = gridrt.open_detector(tiny_synthetic_file)([load_image(picture)])[0].above(0.3)
    assert len(found.scores) > 2
    return found


def test_a_folder_becomes_a_table(
    tiny_synthetic_file: Path, data: Path, expected: gridrt.Detections, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pandas", reason='pip install ".[dev]"')
    monkeypatch.chdir(tmp_path)
    found = example("folder_to_pandas").table(str(tiny_synthetic_file), str(data / "val"))
    first = found[found["file"] == min(found["file"])]

    assert first[["x1", "y1", "x2", "y2"]].to_numpy() == pytest.approx(expected.boxes)
    assert first["score"].to_numpy() == pytest.approx(expected.scores)


def test_a_server_answers_with_detections_and_refuses_what_is_no_image(
    tiny_synthetic_file: Path, picture: Path, expected: gridrt.Detections
) -> None:
    pytest.importorskip("fastapi", reason='pip install ".[dev]"')
    pytest.importorskip("httpx", reason='pip install ".[dev]"')
    from fastapi.testclient import TestClient

    client = TestClient(example("fastapi_handler").create_app(str(tiny_synthetic_file)))
    answer = client.post("/detect", content=picture.read_bytes())

    assert answer.status_code == 200
    assert [one["score"] for one in answer.json()] == pytest.approx(expected.scores)
    assert client.post("/detect", content=b"no image").status_code == 422


def test_objects_in_a_video_are_counted_twice_a_second(
    tiny_synthetic_file: Path, picture: Path, expected: gridrt.Detections, tmp_path: Path
) -> None:
    frame = cv2.imread(str(picture))
    assert frame is not None
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 4, frame.shape[1::-1])
    for _ in range(4):
        writer.write(frame)
    writer.release()
    found = list(example("count_in_video").counts(str(tiny_synthetic_file), str(tmp_path / "a.avi")))

    assert [seconds for seconds, _ in found] == [0, 0.5]
    assert found[0][1].total() == pytest.approx(len(expected.scores), abs=2)  # of a JPEG


@pytest.mark.slow  # it exports a checkpoint
def test_a_gate_that_is_not_met_is_exit_code_3(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gridrt.bench.interleave.REST_SECONDS", 0)
    monkeypatch.setattr(gridrt, "benchmark", functools.partial(gridrt.benchmark, runs=1, stages=False))
    monkeypatch.setattr(gridrt, "export_onnx", functools.partial(gridrt.export_onnx, verify=False))
    module = example("calibrate_and_gate")
    monkeypatch.setattr(module, "GATES", module.Gates(max_ap_drop=100, min_speedup=1000))
    folders = (data / "train", data / "val", data / "instances_val.json")

    assert module.main("tiny_synthetic", *map(str, folders)) == 3
    assert "NOT MET" in capsys.readouterr().out
    assert (tmp_path / "report.html").exists()


@pytest.mark.slow  # it exports a checkpoint
def test_a_detector_is_trained_further_and_exported(data: Path, tmp_path: Path) -> None:
    written = example("fine_tune").fine_tune("tiny_synthetic", data, tmp_path / "out", epochs=1)

    assert gridrt.open_detector(written).class_names == gridrt.load_model("tiny_synthetic").class_names


@pytest.mark.parametrize("program", ["bare_onnxruntime", "bare_openvino"])
def test_bare_runtimes_find_what_gridrt_finds(
    program: str,
    tiny_synthetic_file: Path,
    picture: Path,
    expected: gridrt.Detections,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)  # as for a program
    found = example(program).detect(str(tiny_synthetic_file), str(picture))

    assert [one["score"] for one in found] == pytest.approx(expected.scores, abs=2e-4)
    assert np.array([one["box"] for one in found]) == pytest.approx(expected.boxes, abs=0.01)


def test_the_page_is_a_module_that_parses_and_resizes_as_gridrt() -> None:
    assert node("import {sizes} from './detect.mjs'; console.log(JSON.stringify(sizes(640, 427, [1333, 800])))") == {
        "width": 1199,  # the reference's size of such an image
        "height": 800,
        "paddedWidth": 1216,
        "paddedHeight": 800,
    }
    page = (EXAMPLES / "browser" / "index.html").read_text()
    script = page.split('<script type="module">')[1].split("</script>")[0]
    command = [_node(), "--input-type=module", "--check"]
    subprocess.run(command, input=script, text=True, check=True, capture_output=True)


def test_onnxruntime_web_finds_what_gridrt_finds(
    tiny_synthetic_file: Path, picture: Path, expected: gridrt.Detections, tmp_path: Path
) -> None:
    package = Path(os.environ.get("ONNXRUNTIME_WEB", EXAMPLES / "browser/node_modules/onnxruntime-web"))
    if not package.is_dir():
        pytest.skip("onnxruntime-web is not there: npm install onnxruntime-web in examples/browser")
    image = load_image(picture)  # as large as the scale: nothing is resized
    height, width = image.shape[:2]
    np.dstack([image, np.full((height, width), 255, np.uint8)]).tofile(tmp_path / "rgba")
    found = node(f"""
        import fs from "node:fs";
        import * as ort from "{package / "dist/ort.node.min.mjs"}";
        import {{ detect, sizes }} from "./detect.mjs";
        const session = await ort.InferenceSession.create(fs.readFileSync("{tiny_synthetic_file}"));
        const rgba = fs.readFileSync("{tmp_path / "rgba"}");
        const size = sizes({width}, {height}, [{width}, {height}]);
        console.log(JSON.stringify(await detect(ort, session, rgba, size, [1, 1])));
    """)

    assert [one["label"] for one in found] == expected.labels.tolist()
    assert [one["score"] for one in found] == pytest.approx(expected.scores, abs=2e-4)
    assert np.array([one["box"] for one in found]) == pytest.approx(expected.boxes, abs=0.01)


def node(code: str) -> Any:  # noqa: ANN401 - JSON
    """What a program prints as JSON, run in the folder of the page."""
    command = [_node(), "--input-type=module", "--eval", code]
    ran = subprocess.run(command, cwd=EXAMPLES / "browser", capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def _node() -> str:
    return shutil.which("node") or pytest.skip("node is not installed")
