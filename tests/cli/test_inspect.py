"""`gridrt inspect` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
import torch
from click.testing import CliRunner, Result
from onnx import TensorProto, helper

from gridrt.cli.main import cli
from gridrt.model.checkpoint import save_weights
from gridrt.model.presets import build
from gridrt.runtime.backend import Availability
from gridrt.runtime.openvino.backend import OpenVinoBackend
from tests.fakes import whole_image_graph


def inspect(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["inspect", *map(str, arguments)])


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    save_weights(build("tiny", num_classes=2), tmp_path / "tiny.pth")
    return tmp_path / "tiny.pth"


def test_a_checkpoint_is_told_in_lines(checkpoint: Path) -> None:
    answer = inspect(checkpoint)

    assert answer.exit_code == 0
    assert answer.stdout.startswith(f"{checkpoint}: weights (torch zip)")
    assert "variant     tiny" in answer.stdout.splitlines()


def test_json_tells_the_same_to_programs(checkpoint: Path) -> None:
    told = json.loads(inspect(checkpoint, "--json").stdout)

    assert (told["variant"], told["class_count"], told["class_names"]) == ("tiny", 2, ["class 0", "class 1"])
    assert list(told["dtypes"]) == ["float32"]


def test_a_graph_is_told_in_lines_and_as_json(tmp_path: Path) -> None:
    port = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [port], [result])
    onnx.save(helper.make_model(graph), tmp_path / "g.onnx")

    assert "ONNX graph" in inspect(tmp_path / "g.onnx").stdout
    told = json.loads(inspect(tmp_path / "g.onnx", "--json").stdout)
    assert told["inputs"] == [{"name": "x", "dtype": "float", "shape": ["n"]}]
    assert told["ops"] == {"Relu": 1}


def test_what_runs_a_file_is_told_with_what_keeps_others_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    onnx.save(whole_image_graph(), tmp_path / "g.onnx")
    monkeypatch.setattr(OpenVinoBackend, "probe", lambda _: [Availability("OpenVINO, CPU", "no such processor")])

    told = json.loads(inspect(tmp_path / "g.onnx", "--json").stdout)["backends"]

    assert (told["onnxruntime"], told["openvino"]) == ("", "no such processor")
    lines = inspect(tmp_path / "g.onnx").stdout.splitlines()
    assert "backend       onnxruntime: runs here" in lines
    assert "backend       openvino: does not run here: no such processor" in lines


def test_a_graph_is_known_by_its_suffix_in_any_case(tmp_path: Path) -> None:
    onnx.save(whole_image_graph(), tmp_path / "g.ONNX")

    assert "ONNX graph" in inspect(tmp_path / "g.ONNX").stdout


def test_a_graph_cannot_be_trusted(tmp_path: Path) -> None:
    onnx.save(whole_image_graph(), tmp_path / "g.onnx")

    answer = inspect(tmp_path / "g.onnx", "--trust-checkpoint")

    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "Leave out --trust-checkpoint" in answer.stderr


@pytest.mark.parametrize("name", ["notes.txt", "notes.pth", "notes.onnx", "notes.engine"])
def test_a_file_of_another_kind_is_one_line_and_exit_status_1(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("nothing of the sort")

    answer = inspect(tmp_path / name)

    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1
    assert str(tmp_path / name) in answer.stderr


@pytest.mark.parametrize("name", ["tiny_bcdd", "notes.txt", "https://host/r50.pth", "folder"])
def test_what_is_no_file_is_told_in_the_words_of_detect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()

    by_detect = CliRunner().invoke(cli, ["detect", "a.jpg", "--model", name])

    assert inspect(name).stderr == by_detect.stderr
    assert by_detect.stderr.startswith(f"error: {name}: th")


def test_a_checkpoint_with_other_classes_names_the_flag_and_the_flag_reads_it(tmp_path: Path, checkpoint: Path) -> None:
    content = torch.load(checkpoint, weights_only=True)
    torch.save(content | {"meta": {"where": Path("work_dirs")}}, tmp_path / "theirs.pth")

    refused, read = inspect(tmp_path / "theirs.pth"), inspect(tmp_path / "theirs.pth", "--trust-checkpoint")

    assert refused.exit_code == 1
    assert f"{type(tmp_path).__module__}.PosixPath" in refused.stderr  # pathlib, or pathlib._local in Python 3.13
    assert "--trust-checkpoint" in refused.stderr
    assert (read.exit_code, "variant     tiny" in read.stdout) == (0, True)
