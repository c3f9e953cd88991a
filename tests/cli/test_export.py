"""`gridrt export` from the command line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner, Result

from gridrt.cli.main import cli
from gridrt.files import sha256_of
from gridrt.model.checkpoint import load_model, save_weights, weights_sha256
from gridrt.model.grid_rcnn import GridRCNN
from tests.fakes import whole_image_graph


@pytest.fixture(scope="module")
def weights(untrained: Callable[[str], GridRCNN], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "cells.pth"
    save_weights(untrained("tiny"), path)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["export", *map(str, arguments)], catch_exceptions=False)


def test_the_file_is_named_after_the_weights_verified_and_its_parent_known(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one test that goes all the way from a checkpoint to a file."""
    monkeypatch.chdir(tmp_path)
    result = run("--weights", weights)
    assert result.exit_code == 0, result.output
    assert "verified: " in result.output
    assert "tiny, 80 classes, scale 1333 x 800 (assumed, see --scale), in cells.onnx, " in result.output
    assert "Next: gridrt detect IMAGE --model cells.onnx" in result.output
    metadata = {entry.key: entry.value for entry in onnx.load(tmp_path / "cells.onnx").metadata_props}
    assert metadata["gridrt.parent_sha256"] == sha256_of(weights)
    assert metadata["gridrt.weights_sha256"] == weights_sha256(load_model(weights))
    assert [path.name for path in tmp_path.iterdir()] == ["cells.onnx"]


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
    assert result.stderr.startswith("error: ")
    assert "--no-verify" in result.stderr
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
    assert f"{tmp_path / name}: an ONNX file must end in .onnx" in result.stderr
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
    assert "scale: a side of a scale must be at most 16384 pixels (found (20000, 800))" in result.stderr


def test_a_picture_to_verify_on_without_verifying_is_a_usage_error(weights: Path, tmp_path: Path) -> None:
    result = run("--weights", weights, "--out", tmp_path / "x.onnx", "--no-verify", "--image", "photo.png")
    assert result.exit_code == 2
    assert "leave out --no-verify" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_next_command_can_be_pasted_into_a_shell(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridrt.export.onnx_export.onnx_from_model", lambda _model, _sha256: whole_image_graph())
    result = run("--weights", weights, "--out", tmp_path / "my cells.onnx", "--no-verify")
    assert result.stdout.endswith(f"Next: gridrt detect IMAGE --model '{tmp_path}/my cells.onnx'\n")


def test_a_full_disk_leaves_no_file(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported: Callable[[str], Path]
) -> None:
    graph = onnx.load(exported("tiny"))
    monkeypatch.setattr("gridrt.export.onnx_export.onnx_from_model", lambda _model, _sha256: graph)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = run("--weights", weights, "--out", tmp_path / "x.onnx")
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    assert list(tmp_path.iterdir()) == []
