from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from gridrt import demo
from gridrt.cli.main import cli
from gridrt.data.image import load_image, save_image
from gridrt.errors import VerificationError
from gridrt.model.checkpoint import load_model, save_weights
from gridrt.model.untrained import untrained_model

SCALE = (160, 96)
SIDES = ("pytorch", "onnxruntime")


def run_demo(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["demo", "--scale", *map(str, SCALE), *arguments], catch_exceptions=False)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def result(folder: Path, exported: Callable[[str], Path]) -> Iterator[Result]:
    """A demo of a small model where a file of an earlier one lies; its graph, which takes long to trace, is fetched."""
    graph = onnx.load(exported("tiny"))
    (folder / "demo").mkdir()
    (folder / "demo/tiny.pth").write_text("left by a demo before")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gridrt.export.onnx_export.onnx_from_model", lambda _model, _sha256: graph)
        patch.setattr(demo, "VARIANT", "tiny")
        patch.chdir(folder)
        yield run_demo()


def test_it_shows_every_command_that_it_runs(result: Result) -> None:
    assert (result.exit_code, result.stderr) == (0, "")
    shown = [line.removeprefix("$ gridrt ") for line in result.stdout.splitlines() if line.startswith("$")]
    detect = "detect demo/coffee.png --model demo/tiny{} --out demo/{} --json demo/{}/coffee.json --scale 160 96"
    assert shown == [
        "export --weights demo/tiny.pth --out demo/tiny.onnx",
        detect.format(".pth", "pytorch", "pytorch"),
        detect.format(".onnx", "onnxruntime", "onnxruntime"),
    ]


def test_it_tells_how_far_the_sides_differ_how_long_they_took_and_where_all_lies(result: Result) -> None:
    assert "untrained: its boxes mean nothing" in result.stdout
    assert "100 detections paired, 0 missing, 0 extra" in result.stdout
    for told in ("largest difference: ", "median of 3 runs", "at most 160 x 96", " threads of "):
        assert told in result.stdout
    last = result.stdout.splitlines()[-1]
    assert last.startswith("Demo done, results in demo, ")
    assert "Next: gridrt export --weights" in last


def test_it_writes_a_checkpoint_a_graph_and_pictures(folder: Path, result: Result) -> None:
    assert result.exit_code == 0
    found = {f"{side}/coffee.{kind}" for side in SIDES for kind in ("json", "png")}
    assert files_in(folder / "demo") == {"coffee.png", "tiny.onnx", "tiny.pth"} | found
    model = load_model(folder / "demo/tiny.pth")
    assert (model.variant, len(model.class_names)) == ("tiny", 80)
    photograph = load_image(folder / "demo/coffee.png")
    assert photograph.shape == (400, 600, 3)
    for side in SIDES:
        assert (load_image(folder / "demo" / side / "coffee.png") != photograph).any()


def test_both_sides_list_the_same_detections(folder: Path, result: Result) -> None:
    assert result.exit_code == 0
    by_torch, by_onnxruntime = (
        json.loads((folder / "demo" / side / "coffee.json").read_text())[0]["detections"] for side in SIDES
    )
    assert len(by_torch) > 0
    assert [each["name"] for each in by_torch] == [each["name"] for each in by_onnxruntime]
    np.testing.assert_allclose([each["box"] for each in by_torch], [each["box"] for each in by_onnxruntime], atol=0.05)


def test_sides_that_disagree_are_an_error(tmp_path: Path, exported: Callable[[str], Path]) -> None:
    model = untrained_model("tiny")
    model.roi_head.bbox_head.fc_cls.bias.data[-1] -= 0.1  # the background, a little less likely
    save_weights(model, tmp_path / "other.pth")
    save_image(tmp_path / "photo.png", demo.photograph())

    with pytest.raises(VerificationError, match="the graph detects what the model detects"):
        demo.compare(tmp_path / "other.pth", exported("tiny"), tmp_path / "photo.png", SCALE)


def test_without_scikit_image_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)

    failed = run_demo("--out", str(tmp_path / "demo"))

    assert failed.exit_code == 1
    assert failed.stderr.startswith("error: scikit-image: ")
    assert failed.stderr.endswith('In the repository, run: pip install ".[demo]"\n')
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "demo").write_text("a file")

    failed = run_demo("--out", str(tmp_path / "demo"))

    assert failed.exit_code == 1
    assert failed.stderr.startswith(f"error: {tmp_path}/demo: the result cannot be written here")
