"""What an evaluation records is what it read, whatever happens to its files meanwhile."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result

from gridrt.cli.main import cli
from gridrt.data.image import save_image
from gridrt.eval import results
from gridrt.files import sha256_of
from gridrt.model.zoo import locate
from gridrt.runtime.onnxruntime import session as onnxruntime_session
from gridrt.runtime.onnxruntime.inference_session import inference_session
from gridrt.training import setup
from tests.calib.small_detector import picture, write_detector
from tests.datasets import SMALL, write_dataset
from tests.fakes import whole_image_graph

ARGUMENTS = (
    "evaluate",
    "--images",
    ".",
    "--annotations",
    "annotations.json",
    "--model",
    "m.onnx",
    "--json",
    "out.json",
)


CONTENT: dict[str, Any] = {
    "images": SMALL["images"],
    "categories": [{"id": 9, "name": "scene"}],
    "annotations": [{"id": 0, "image_id": 7, "category_id": 9, "bbox": [0, 0, 64, 48]}],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_dataset(tmp_path, CONTENT)
    onnx.save(whole_image_graph(), tmp_path / "m.onnx")
    onnx.save(whole_image_graph(input_rule='{"scale": [64, 32]}'), tmp_path / "other.onnx")
    return tmp_path


def sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def evaluate(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*ARGUMENTS, *arguments], catch_exceptions=False)


def conditions() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("out.json").read_text())
    return found


def before(function: Callable[..., Any], change: Callable[[], object]) -> Callable[..., Any]:
    """The function, and once before it the change."""
    changes = [change]

    def changed(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        while changes:
            changes.pop()()
        return function(*arguments, **options)

    return changed


def replace_model() -> None:
    Path("other.onnx").replace("m.onnx")


def write_into_model() -> None:
    Path("m.onnx").write_bytes(Path("other.onnx").read_bytes())


def remove_model() -> None:
    Path("m.onnx").unlink()


def replace_annotations() -> None:
    Path("annotations.json").write_text("{}")


def remove_annotations() -> None:
    Path("annotations.json").unlink()


@pytest.mark.parametrize("change", [replace_model, write_into_model])
def test_a_model_that_changes_between_its_hash_and_its_opening_is_refused(
    change: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    opening = before(onnxruntime_session.OnnxRuntimeSession, change)
    monkeypatch.setattr(onnxruntime_session, "OnnxRuntimeSession", opening)

    result = evaluate()

    assert result.exit_code == 1
    assert result.stderr.startswith("error: m.onnx: ")
    assert not Path("out.json").exists()


def test_a_graph_that_changes_between_its_check_and_onnx_runtimes_reading_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = before(inference_session, replace_model)
    monkeypatch.setattr(onnxruntime_session, "inference_session", reading)

    result = CliRunner().invoke(cli, ["detect", "a.png", "--model", "m.onnx"], catch_exceptions=False)

    assert result.exit_code == 1
    assert result.stderr.startswith("error: m.onnx: ")


@pytest.mark.parametrize("change", [replace_model, write_into_model, remove_model])
@pytest.mark.parametrize("moment", ["_outcome_of", "_joined"])  # during the work, and before the results are written
def test_a_model_that_changes_once_it_is_open_is_recorded_as_it_was_read(
    change: Callable[[], None], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = sha256("m.onnx")
    monkeypatch.setattr(results, moment, before(getattr(results, moment), change))

    result = evaluate()

    assert result.exit_code == 0
    assert conditions()["model_sha256"] == read


@pytest.mark.parametrize("change", [replace_annotations, remove_annotations])
@pytest.mark.parametrize("moment", ["categories_of_labels", "_joined"])  # once they are read; after the last image
def test_annotations_that_are_lost_meanwhile_cost_no_detections(
    change: Callable[[], None], moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = sha256("annotations.json")
    monkeypatch.setattr(results, moment, before(getattr(results, moment), change))

    result = evaluate("--results", "results.json")

    assert result.exit_code == 0
    assert conditions()["annotations_sha256"] == read
    assert json.loads(Path("results.json").read_text())


def test_annotations_that_are_replaced_while_they_are_read_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    read_bytes = Path.read_bytes
    Path("other.json").write_bytes(read_bytes(Path("annotations.json")))

    def reading(path: Path) -> bytes:
        content = read_bytes(path)
        if path.name == "annotations.json":
            Path("other.json").replace(path)
        return content

    monkeypatch.setattr(Path, "read_bytes", reading)

    result = evaluate()

    assert result.exit_code == 1
    assert result.stderr.startswith("error: annotations.json: ")


def test_an_image_that_changes_while_it_is_read_fails_and_is_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    save_image("other.png", np.zeros((48, 64, 3), np.uint8))

    def hash_of(path: Path) -> str:  # another thread may read another image first
        if path.name == "a.png":
            Path("other.png").replace(path)
        return sha256_of(path)

    monkeypatch.setattr(results, "sha256_of", hash_of)

    result = evaluate()

    assert result.exit_code == 1
    assert list(json.loads(Path("out.json").read_text())["failed"]) == ["a.png"]


@pytest.mark.parametrize("option", ["--annotations", "--model"])
def test_a_pipe_is_refused_with_its_place_and_not_waited_for(option: str) -> None:
    read_end, write_end = os.pipe()
    try:
        result = evaluate(option, f"/dev/fd/{read_end}")
    finally:
        os.close(read_end)
        os.close(write_end)

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: /dev/fd/{read_end}: ")
    assert "Copy its content to a file" in result.stderr


def with_external_data(folder: Path) -> Path:
    """A graph whose weights lie in a file of their own."""
    graph = onnx.load(write_detector(folder / "whole.onnx"))
    onnx.save(graph, folder / "split.onnx", save_as_external_data=True, location="split.data", size_threshold=0)
    return folder / "split.onnx"


def test_data_files_are_hashed_with_their_graph(folder: Path) -> None:
    with_external_data(folder)

    evaluate("--model", "split.onnx")

    expected = hashlib.sha256(f"{sha256('split.onnx')}\n{sha256('split.data')}".encode()).hexdigest()
    assert conditions()["model_sha256"] == expected


def test_no_output_destroys_the_data_file_of_a_graph(folder: Path) -> None:
    with_external_data(folder)
    content = Path("split.data").read_bytes()

    result = evaluate("--model", "split.onnx", "--json", "split.data")

    assert result.exit_code == 1
    assert "split.data" in result.stderr
    assert Path("split.data").read_bytes() == content


def test_a_graph_with_data_files_runs_from_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = with_external_data(folder)
    opened: list[object] = []

    def recorded(graph: Path | bytes, **options: Any) -> Any:  # noqa: ANN401 - passed on
        opened.append(graph)
        return inference_session(graph, **options)

    monkeypatch.setattr(onnxruntime_session, "inference_session", recorded)

    session = onnxruntime_session.OnnxRuntimeSession(model)

    batch = picture(150)[None], np.array([[32, 64]], np.int32)
    found, whole = (each.run(*batch) for each in (session, onnxruntime_session.OnnxRuntimeSession(Path("whole.onnx"))))
    assert isinstance(opened[0], bytes)
    np.testing.assert_array_equal(found.boxes, whole.boxes)


def test_weights_that_change_while_a_training_reads_them_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their hash is recorded as the parent's."""
    shutil.copy(locate("tiny_bccd"), "w.pth")
    shutil.copy(locate("tiny_synthetic"), "other.pth")
    reading = before(setup.initial_model, lambda: Path("other.pth").replace("w.pth"))
    monkeypatch.setattr(setup, "initial_model", reading)
    data = ("--images", ".", "--annotations", "annotations.json", "--epochs", "1")

    result = CliRunner().invoke(cli, ["train", "--model", "tiny", *data, "--weights", "w.pth", "--out", "training"])

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("error: w.pth: ")
