from __future__ import annotations

import numpy as np
import onnx.helper
import pytest
from onnx import ModelProto, TensorProto

from gridrt.graph.wiring import Edge, drop_unused_weights, element_types, needed_nodes, replace_nodes, wiring_of
from gridrt.plugins.function_text import DetectorShape
from gridrt.plugins.multi_level_roi_align.body import function_body
from tests.calib.graphs import model_of, run, weights_of

TEXT = """
small (float[N] x, float[N] y) => (float[N] result, int64[1] size, float[2] stored)
{
    ["first/Add"] sum = Add (x, x)
    ["second/Clip"] cut = Clip (sum, , most)
    ["third/Mul"] result = Mul (cut, sum)
    ["fourth/Shape"] size = Shape (cut)
}
"""


@pytest.fixture
def model() -> ModelProto:
    return model_of(TEXT, {"most": np.array(3.0, "f"), "unread": np.array(1.0, "f"), "stored": np.zeros(2, "f")})


def test_who_makes_and_who_reads_a_tensor(model: ModelProto) -> None:
    wiring = wiring_of(model.graph)

    assert list(wiring.nodes) == ["first/Add", "second/Clip", "third/Mul", "fourth/Shape"]
    assert {tensor: node.name for tensor, node in wiring.producers.items()} == {
        "sum": "first/Add", "cut": "second/Clip", "result": "third/Mul", "size": "fourth/Shape",
    }  # fmt: skip
    assert wiring.consumers == {
        "x": [Edge("first/Add", 0), Edge("first/Add", 1)],
        "sum": [Edge("second/Clip", 0), Edge("third/Mul", 1)],
        "cut": [Edge("third/Mul", 0), Edge("fourth/Shape", 0)],
        "most": [Edge("second/Clip", 2)],
    }
    assert set(wiring.weights) == {"most", "unread", "stored"}


def test_reading_nodes_are_listed_once_for_each_edge(model: ModelProto) -> None:
    wiring = wiring_of(model.graph)

    assert [node.name for node in wiring.consumer_nodes("x")] == ["first/Add", "first/Add"]
    assert wiring.consumer_nodes("result") == wiring.consumer_nodes("y") == []


def test_types_of_inputs_outputs_weights_and_what_lies_between(model: ModelProto) -> None:
    assert element_types(model) == {
        **dict.fromkeys(("x", "y", "sum", "cut", "result", "most", "unread", "stored"), TensorProto.FLOAT),
        "size": TensorProto.INT64,
    }


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.FLOAT16])
def test_types_behind_a_custom_op_are_those_that_its_body_gives(kind: int) -> None:
    model = model_of(
        f"""
        pooling ({"float" if kind == TensorProto.FLOAT else "float16"}[1,2,H,W] p, float[K,5] rois) => (bool[A,B,C,D] y)
        {{
            ["op"] pooled = gridrt.MultiLevelRoiAlign
                <output_size = 7, strides = [4, 8, 16, 32], plugin_namespace = "gridrt"> (p, p, p, p, rois)
            ["nan"] y = IsNaN (pooled)
        }}
        """,
        {},
        [function_body(DetectorShape((4, 8, 16, 32), point_channels=8))],
    )

    assert element_types(model)["pooled"] == kind


@pytest.mark.parametrize(
    ("outputs", "given", "needed"),
    [
        (["size"], [], ["first/Add", "second/Clip", "fourth/Shape"]),
        (["result", "size"], ["cut"], ["first/Add", "third/Mul", "fourth/Shape"]),
        (["result"], ["sum", "cut"], ["third/Mul"]),
        (["sum", "cut"], ["sum"], ["second/Clip"]),
    ],
)
def test_needed_nodes_are_those_before_the_outputs_and_behind_what_is_given(
    model: ModelProto, outputs: list[str], given: list[str], needed: list[str]
) -> None:
    assert [node.name for node in needed_nodes(model.graph, outputs, given)] == needed


def test_a_node_with_an_output_left_out_is_not_needed_by_one_with_an_input_left_out(model: ModelProto) -> None:
    model.graph.node.insert(0, onnx.helper.make_node("Dropout", ["x"], ["dropped", ""], name="aside"))

    assert [node.name for node in needed_nodes(model.graph, ["cut"], [])] == ["first/Add", "second/Clip"]


def test_replaced_nodes_are_those_that_run(model: ModelProto) -> None:
    graph = model.graph
    feeds = {"x": np.array([1, 2], np.float32), "y": np.zeros(2, np.float32)}
    assert run(model, feeds)[0].tolist() == [4, 12]
    first, *others = graph.node
    doubled = onnx.helper.make_node("Add", ["sum/once", "sum/once"], ["sum"], name="doubled")
    first.output[0] = "sum/once"

    replace_nodes(graph, (node for node in (first, doubled, *others)))

    assert [node.name for node in graph.node] == ["first/Add", "doubled", *(node.name for node in others)]
    assert run(model, feeds)[0].tolist() == [12, 24]


def test_types_that_are_noted_go_with_the_nodes_that_they_were_noted_for(model: ModelProto) -> None:
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("sum", TensorProto.FLOAT, [2]))

    replace_nodes(model.graph, list(model.graph.node))

    assert not model.graph.value_info


def test_weights_that_nobody_reads_are_dropped_and_those_given_out_are_kept(model: ModelProto) -> None:
    drop_unused_weights(model.graph)

    assert set(weights_of(model)) == {"most", "stored"}
