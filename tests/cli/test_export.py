"""`gridrt export` from the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner, Result

from gridrt.api import open_detector, rewrite_graph
from gridrt.cli.main import cli
from gridrt.detector import Detector
from gridrt.export.detections import change_detections
from gridrt.files import sha256_of
from gridrt.model.checkpoint import load_model, save_weights, weights_sha256
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build
from gridrt.runtime.in_memory import session_of_model
from gridrt.types import UInt8Array
from tests.caffe_style import caffe_file
from tests.fakes import whole_image_graph
from tests.reweighted import reweighted

SCALE = (320, 256)
THRESHOLDS = ("--score-threshold=0.001", "--iou-threshold=0.9")


@pytest.fixture(scope="module")
def weights(untrained: Callable[[str], GridRCNN], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "cells.pth"
    save_weights(untrained("tiny"), path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["export", *map(str, arguments)], catch_exceptions=False)


@pytest.fixture(scope="module")
def caffe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained detector for BGR pixels, in a file with class names and a config with other settings."""
    trained = load_model("tiny_synthetic")
    folder = tmp_path_factory.mktemp("caffe")
    return caffe_file(folder / "shapes.pth", trained.state_dict(), trained.class_names)


def test_the_file_is_named_after_the_weights_verified_and_its_parent_known(
    untrained: Callable[[str], GridRCNN],
    exported: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All the way, but for the trace, which other tests share."""
    weights, traced = tmp_path / "shapes.pth", onnx.load(exported("tiny"))
    save_weights(load_model("tiny_synthetic"), weights)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "gridrt.export.onnx_export.onnx_from_model",
        lambda model, parent_sha256: reweighted(traced, untrained("tiny"), model, parent_sha256),
    )

    result = run(weights)

    assert result.exit_code == 0, result.output
    assert "verified: " in result.output
    assert "scale 320 x 256 (noted), in shapes.onnx, " in result.output
    assert "Next: gridrt detect IMAGE --model shapes.onnx" in result.output
    metadata = {entry.key: entry.value for entry in onnx.load(weights.with_suffix(".onnx")).metadata_props}
    assert metadata["gridrt.parent_sha256"] == sha256_of(weights)
    assert metadata["gridrt.weights_sha256"] == weights_sha256(load_model(weights))
    assert {path.name for path in tmp_path.iterdir()} == {"shapes.pth", "shapes.onnx"}


@pytest.fixture(scope="module")
def whole_way(caffe: Path) -> Result:
    """The one export that goes all the way from a checkpoint to a file, beside the checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(caffe.parent)
        return run(caffe, *THRESHOLDS)


# A trace of its own. Elsewhere BGR and thresholds are read from checkpoints, and an export is a trace of the model.
@pytest.mark.slow
@pytest.mark.usefixtures("whole_way")
def test_settings_of_the_checkpoint_and_of_the_call_are_kept_by_all_that_is_made_of_the_graph(
    caffe: Path, tmp_path: Path, photo: Callable[[str], UInt8Array]
) -> None:
    """Pixels in BGR, and more detections than the published 100, which the photo fills at these thresholds."""
    graph = caffe.with_suffix(".onnx")
    half = rewrite_graph(graph, "fp16", tmp_path / "half.onnx").graph.path
    weights = load_model(caffe)
    change_detections(weights, max_detections=None, score_threshold=0.001, iou_threshold=0.9)

    reference = Detector(session_of_model(weights, "cpu"), SCALE)
    found = [
        detector([photo("coffee")])[0] for detector in (reference, *(open_detector(x, SCALE) for x in (graph, half)))
    ]
    assert weights.normalize.pixels.order == "BGR"
    assert [len(one) for one in found] == [120, 120, 120]
    for file in (graph, half):
        nms = next(node for node in onnx.load(file).graph.node if node.name == "BatchedNms_1")
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in nms.attribute}
        expected = {"iou_threshold": 0.9, "score_threshold": 0.001, "max_output": 120}
        assert {name: attributes[name] for name in expected} == pytest.approx(expected)
        assert open_detector(file).info.max_detections == 120
        told = CliRunner().invoke(cli, ["inspect", str(file)]).stdout
        assert "detections    score_threshold 0.001, iou_threshold 0.9, max_detections 120" in told
    np.testing.assert_allclose(found[1].scores, found[0].scores, atol=1e-4)


def test_a_graph_that_differs_is_not_kept(
    weights: Path,
    tmp_path: Path,
    exported: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Break the graph: swap two channels of the mean, as a wrong preprocessing would."""
    graph = onnx.load(exported("tiny"))
    mean = next(tensor for tensor in graph.graph.initializer if tensor.name == "normalize.mean")
    values = onnx.numpy_helper.to_array(mean)[::-1].copy()
    mean.CopyFrom(onnx.numpy_helper.from_array(values, mean.name))
    monkeypatch.setattr("gridrt.export.onnx_export.onnx_from_model", lambda _model, _sha256: graph)
    result = run("--weights", weights, "--out", tmp_path / "broken.onnx")
    assert result.exit_code == 1
    (error,) = result.stderr.splitlines()
    assert error.startswith("error: ")
    assert "--no-verify" in error
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_cannot_be_written_stops_before_the_work(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = run("--weights", weights, "--out", tmp_path / "file" / "x.onnx")
    assert (result.exit_code, result.stdout) == (1, "")
    assert str(tmp_path / "file") in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["cells.pth", "graph.pth", "graph"])
def test_an_output_that_would_not_open_as_a_graph_is_refused_also_the_weights_themselves(
    weights: Path, tmp_path: Path, name: str
) -> None:
    checkpoint = tmp_path / "cells.pth"
    checkpoint.write_bytes(weights.read_bytes())
    result = run("--weights", checkpoint, "--out", tmp_path / name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"error: {tmp_path / name}: ")
    assert ".onnx" in result.stderr
    assert list(tmp_path.iterdir()) == [checkpoint]
    assert checkpoint.read_bytes() == weights.read_bytes()


@pytest.mark.parametrize("out", [(), ("--out", "cells.onnx")])
def test_a_graph_is_no_source_and_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cells.onnx").write_bytes(b"a graph")
    assert run("--weights", "cells.onnx", *out).exit_code == 1
    assert Path("cells.onnx").read_bytes() == b"a graph"


def test_a_scale_that_is_asked_for_is_noted_in_the_file_in_place_of_the_checkpoint_s(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = []

    def graph_of(model: GridRCNN, _sha256: str) -> onnx.ModelProto:
        noted.append(model.scale)
        return whole_image_graph()

    monkeypatch.setattr("gridrt.export.onnx_export.onnx_from_model", graph_of)
    out = ("--out", tmp_path / "x.onnx", "--no-verify")

    asked, unasked = run("--weights", weights, *out, "--scale", 640, 480), run("--weights", "tiny_bccd", *out)

    assert noted == [(640, 480), (480, 360)]
    assert "scale 640 x 480 (as asked)" in asked.stdout
    assert "scale 480 x 360 (noted)" in unasked.stdout


def test_a_scale_that_no_image_can_have_is_refused_before_the_work(weights: Path, tmp_path: Path) -> None:
    result = run("--weights", weights, "--out", tmp_path / "x.onnx", "--scale", 20000, 800)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: scale: ")
    assert "(found (20000, 800))" in result.stderr


def test_a_picture_to_verify_on_without_verifying_is_a_usage_error(weights: Path, tmp_path: Path) -> None:
    result = run("--weights", weights, "--out", tmp_path / "x.onnx", "--no-verify", "--image", __file__)
    assert result.exit_code == 2
    assert "leave out --no-verify" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_next_command_can_be_pasted_into_a_shell(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridrt.export.onnx_export.onnx_from_model", lambda _model, _sha256: whole_image_graph())
    result = run("--weights", weights, "--out", tmp_path / "my cells.onnx", "--no-verify")
    assert result.stdout.endswith(f"Next: gridrt detect IMAGE --model '{tmp_path}/my cells.onnx'\n")


def test_a_full_disk_leaves_no_file(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.export.onnx_export.onnx_from_model", lambda _model, _sha256: whole_image_graph())

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = run("--weights", weights, "--out", tmp_path / "x.onnx", "--no-verify")
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_model_is_named_once_and_must_be(weights: Path) -> None:
    twice, never = run(weights, "--weights", weights), run("--no-verify")

    assert (twice.exit_code, never.exit_code) == (2, 2)
    assert "given twice" in twice.stderr
    assert "Missing argument 'MODEL'" in never.stderr
    assert "--weights" not in run("--help").stdout


@pytest.fixture
def nameless(tmp_path: Path) -> Path:
    """Weights of two classes in a file that names none."""
    torch.save(build("tiny", num_classes=2).state_dict(), tmp_path / "w.pth")
    return tmp_path / "w.pth"


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[GridRCNN]:
    """The models that were exported, in place of their graphs."""
    models = list[GridRCNN]()

    def graph_of(model: GridRCNN, _sha256: str) -> onnx.ModelProto:
        models.append(model)
        return whole_image_graph()

    monkeypatch.setattr("gridrt.export.onnx_export.onnx_from_model", graph_of)
    return models


def test_names_that_are_assumed_are_told(nameless: Path, noted: list[GridRCNN]) -> None:
    result = run(nameless, "--out", nameless.with_suffix(".onnx"), "--no-verify")

    assert noted[0].class_names == ("class 0", "class 1")
    assert result.stderr.startswith(f"warning: {nameless}: the file has no class names: class 0, class 1 are assumed")
    assert "--class-names" in result.stderr
    assert "2 classes, scale 1333 x 800 (assumed, see --scale), in " in result.stdout


@pytest.mark.parametrize("names", ["cat,traffic light", "names.txt"])
def test_names_are_given_as_a_list_or_a_file(nameless: Path, noted: list[GridRCNN], names: str) -> None:
    (nameless.parent / "names.txt").write_text("cat\ntraffic light\n")
    given = names if "," in names else nameless.parent / names

    result = run(nameless, "--out", nameless.with_suffix(".onnx"), "--no-verify", "--class-names", given)

    assert (result.exit_code, result.stderr) == (0, "")
    assert noted[0].class_names == ("cat", "traffic light")


def test_another_limit_of_detections_is_kept(nameless: Path, noted: list[GridRCNN]) -> None:
    run(nameless, "--out", nameless.with_suffix(".onnx"), "--no-verify", "--max-detections", 150)

    assert noted[0].roi_head.detections.max_detections == 150


def test_names_that_do_not_fit_the_model_are_one_error_line(nameless: Path) -> None:
    result = run(nameless, "--out", nameless.with_suffix(".onnx"), "--class-names", "cat,dog,cow")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "class names must be 2 different ones" in result.stderr
    assert "found 3 names" in result.stderr
    assert result.stderr.count("\n") == 1
