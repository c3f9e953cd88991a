"""What is told of ONNX files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from gridrt.errors import GraphError
from gridrt.runtime.graph_summary import Port, graph_summary


def double() -> onnx.FunctionProto:
    return helper.make_function(
        "gridrt",
        "Double",
        ["x"],
        ["y"],
        [helper.make_node("Identity", ["x"], ["z"]), helper.make_node("Add", ["x", "z"], ["y"])],
        [helper.make_opsetid("", 20)],
    )


@pytest.fixture
def graph_file(tmp_path: Path) -> Path:
    """A graph with a custom op, a branch, initialisers of three dtypes and metadata."""
    branch = helper.make_graph(
        [helper.make_node("Relu", ["a"], ["r"])], "branch", [], [helper.make_tensor_value_info("r", 1, None)]
    )
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["images"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["f", "w"], ["a"]),
            helper.make_node("Double", ["a"], ["b"], domain="gridrt"),
            helper.make_node("If", ["yes"], ["boxes"], then_branch=branch, else_branch=branch),
        ],
        "g",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", None, 3])],
        [helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["batch", 100, 4])],
        [
            helper.make_tensor("w", TensorProto.FLOAT, [2, 3], [0.0] * 6),
            helper.make_tensor("h", TensorProto.FLOAT16, [5], [0.0] * 5),
            helper.make_tensor("yes", TensorProto.BOOL, [], [True]),
        ],
    )
    model = helper.make_model(
        graph,
        functions=[double()],
        opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("gridrt", 1)],
        ir_version=10,
        producer_name="pytorch",
        producer_version="2.13",
    )
    helper.set_model_props(model, {"gridrt.variant": "r50", "gridrt.classes": '["a"]'})
    onnx.save(model, tmp_path / "g.onnx")
    return tmp_path / "g.onnx"


def test_every_part_of_a_graph_is_told(graph_file: Path) -> None:
    summary = graph_summary(graph_file)

    assert summary.size_bytes == graph_file.stat().st_size
    assert summary.sha256 == hashlib.sha256(graph_file.read_bytes()).hexdigest()
    assert (summary.ir_version, summary.opsets) == (10, {"ai.onnx": 20, "gridrt": 1})
    assert summary.producer == "pytorch 2.13"
    assert summary.inputs == (Port("images", "uint8", ("batch", "?", 3)),)
    assert summary.outputs == (Port("boxes", "float", ("batch", 100, 4)),)
    assert summary.metadata == {"gridrt.variant": "r50", "gridrt.classes": '["a"]'}
    assert summary.ops == {"Relu": 2, "Cast": 1, "Mul": 1, "gridrt::Double": 1, "If": 1}
    assert summary.functions == {"gridrt::Double": 2}
    assert summary.initializer_bytes == {"float": 24, "float16": 10, "bool": 1}


def test_the_lines_name_ports_custom_ops_and_metadata(graph_file: Path) -> None:
    text = "\n".join(graph_summary(graph_file).lines())

    assert "images uint8 [batch, ?, 3]" in text
    assert "gridrt::Double 1" in text
    assert "gridrt.variant: r50" in text


@pytest.mark.parametrize(
    ("rule", "line"),
    [('{"scale": [480, 360]}', "scale         480 x 360"), ("{}", "scale         none noted, 1333 x 800 is assumed")],
)
def test_scale_and_class_names_have_a_line_each(graph_file: Path, rule: str, line: str) -> None:
    names = [f"c{number}" for number in range(12)]
    model = onnx.load(graph_file)
    helper.set_model_props(model, {"gridrt.classes": json.dumps(names), "gridrt.input": rule})
    onnx.save(model, graph_file)

    lines = graph_summary(graph_file).lines()

    assert line in lines
    assert "classes       12: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 2 more" in lines
    assert not any("gridrt.classes" in told for told in lines)


@pytest.mark.parametrize(("noted", "told"), [({}, "fp32"), ({"gridrt.precision": "int8"}, "int8")])
def test_the_precision_has_a_line_of_its_own(graph_file: Path, noted: dict[str, str], told: str) -> None:
    model = onnx.load(graph_file)
    helper.set_model_props(model, {"gridrt.classes": '["a"]', **noted})
    onnx.save(model, graph_file)

    lines = graph_summary(graph_file).lines()

    assert f"precision     {told}" in lines
    assert not any("gridrt.precision" in line for line in lines)


def test_a_graph_of_others_has_neither_scale_nor_class_names(graph_file: Path) -> None:
    model = onnx.load(graph_file)
    helper.set_model_props(model, {"author": "someone"})
    onnx.save(model, graph_file)

    summary = graph_summary(graph_file)

    assert (summary.scale, summary.class_names) == (None, None)
    assert not any(line.startswith(("scale", "classes", "precision")) for line in summary.lines())


def test_long_metadata_is_cut_for_people(graph_file: Path) -> None:
    model = onnx.load(graph_file)
    helper.set_model_props(model, {"notes": "x" * 500})
    onnx.save(model, graph_file)
    summary = graph_summary(graph_file)

    assert summary.metadata["notes"] == "x" * 500
    assert max(map(len, summary.lines()[1:])) < 120


@pytest.mark.parametrize("content", [b"", b"not a graph at all", bytes(1000)])
def test_what_is_no_graph_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.onnx"
    path.write_bytes(content)

    with pytest.raises(GraphError, match=r"x\.onnx: .*not an ONNX"):
        graph_summary(path)


def test_a_missing_graph_is_told(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="the file is missing"):
        graph_summary(tmp_path / "x.onnx")
