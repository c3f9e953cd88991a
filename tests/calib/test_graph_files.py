from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
from onnx import ModelProto

from gridrt.calib.affine import Range
from gridrt.calib.graph_files import check_float_graph, default_name, save_rewritten
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.errors import GraphError, OutputError
from gridrt.graph.graph import load_graph
from gridrt.runtime import open_session
from tests.calib.small_detector import small_detector, small_recipe, write_detector

TENSORRT, CPU = TARGETS["tensorrt"], TARGETS["cpu"]
WIDE = Range(-1.0, 400.0)
RANGES = dict.fromkeys(
    ("normalized", "entered", "main", "features", "vector", "logits", "regions", "heat"), WIDE
)  # of the small detector
SHA256 = "a" * 64


@pytest.fixture
def rewritten() -> ModelProto:
    return apply_recipe(small_detector(), small_recipe(), TENSORRT, RANGES)


@pytest.mark.parametrize(
    ("model", "recipe", "target", "name"),
    [
        ("r50.onnx", "int8", TENSORRT, "r50.int8.onnx"),
        ("weights/r50.onnx", "fp16", TENSORRT, "r50.fp16.onnx"),
        ("my.r50.ONNX", "mixed", CPU, "my.r50.mixed.cpu.onnx"),
    ],
)
def test_the_name_tells_recipe_and_target(model: str, recipe: str, target: object, name: str) -> None:
    assert default_name(Path(model), recipe, target) == Path(name)  # type: ignore[arg-type]


def test_the_file_says_how_it_was_made_and_keeps_what_its_parent_says(tmp_path: Path, rewritten: ModelProto) -> None:
    path = tmp_path / "a.int8.onnx"

    save_rewritten(rewritten, path, small_recipe(), TENSORRT, SHA256, {"method": "mse", "images": 3})

    metadata = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
    assert metadata["gridrt.precision"] == "own"
    assert metadata["gridrt.target"] == "tensorrt"
    assert metadata["gridrt.parent_sha256"] == SHA256
    assert json.loads(metadata["gridrt.calibration"]) == {"method": "mse", "images": 3}
    (tmp_path / "read back.toml").write_text(metadata["gridrt.recipe"])
    assert load_recipe(tmp_path / "read back.toml").rules == small_recipe().rules
    session = open_session(path)
    assert session.info.class_names == ("scene",)
    assert session.info.scale == (64, 32)


def test_without_calibration_there_is_no_note_of_it(tmp_path: Path, rewritten: ModelProto) -> None:
    save_rewritten(rewritten, tmp_path / "a.onnx", small_recipe(), TENSORRT, SHA256, {})

    keys = {entry.key for entry in onnx.load(tmp_path / "a.onnx").metadata_props}
    assert "gridrt.calibration" not in keys


def of_no_such_operator(model: ModelProto) -> None:
    model.graph.node[-1].op_type = "NoSuchOperator"


def of_mixed_types(model: ModelProto) -> None:
    """A sum of FP32 and FP16, as a missing cast leaves it."""
    half = onnx.numpy_helper.from_array(np.array(0, np.float16), "offset")
    next(tensor for tensor in model.graph.initializer if tensor.name == "offset").CopyFrom(half)


@pytest.mark.parametrize("breaking", [of_no_such_operator, of_mixed_types])
def test_a_graph_that_is_not_valid_is_not_written(
    tmp_path: Path, rewritten: ModelProto, breaking: Callable[[ModelProto], None]
) -> None:
    breaking(rewritten)

    with pytest.raises(GraphError, match="valid ONNX") as caught:
        save_rewritten(rewritten, tmp_path / "a.onnx", small_recipe(), TENSORRT, SHA256, {})
    assert caught.value.place == tmp_path / "a.onnx"

    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_it_is_said_so(tmp_path: Path, rewritten: ModelProto) -> None:
    (tmp_path / "a.onnx").mkdir()

    with pytest.raises(OutputError):
        save_rewritten(rewritten, tmp_path / "a.onnx", small_recipe(), TENSORRT, SHA256, {})


def test_a_graph_in_fp32_is_accepted(tmp_path: Path) -> None:
    check_float_graph(load_graph(write_detector(tmp_path / "a.onnx")))


def test_a_graph_that_is_rewritten_already_is_refused(tmp_path: Path, rewritten: ModelProto) -> None:
    save_rewritten(rewritten, tmp_path / "a.int8.onnx", small_recipe(), TENSORRT, SHA256, {})

    with pytest.raises(GraphError, match="recipe own") as caught:
        check_float_graph(load_graph(tmp_path / "a.int8.onnx"))
    assert caught.value.place == tmp_path / "a.int8.onnx"


def test_what_is_no_graph_of_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.onnx").write_text("words")
    model = small_detector()
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")

    for name in ("missing.onnx", "words.onnx", "other.onnx"):
        with pytest.raises(GraphError) as caught:
            check_float_graph(load_graph(tmp_path / name))
        assert caught.value.place == tmp_path / name


def test_what_is_written_is_what_is_read_back(tmp_path: Path, rewritten: ModelProto) -> None:
    written = save_rewritten(rewritten, tmp_path / "a.onnx", small_recipe(), TENSORRT, SHA256, {})

    read = load_graph(tmp_path / "a.onnx")
    assert (written.model, written.path, written.sha256, written.metadata) == (
        read.model, read.path, read.sha256, read.metadata,
    )  # fmt: skip
