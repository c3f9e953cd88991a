from __future__ import annotations

from onnx import TensorProto

from gridrt.graph.subgraph import subgraph
from tests.graph.steps import MODEL


def test_a_subgraph_has_only_the_nodes_weights_and_inputs_that_it_needs() -> None:
    part = subgraph(MODEL, {"a": TensorProto.FLOAT, "c": TensorProto.FLOAT}, ["b"]).graph

    assert [node.name for node in part.node] == ["second"]
    assert [tensor.name for tensor in part.initializer] == ["ten"]
    assert [entry.name for entry in part.input] == ["a"]
    assert [entry.name for entry in part.output] == ["b"]


def test_cutting_leaves_the_whole_graph_as_it_was() -> None:
    before = MODEL.SerializeToString()

    subgraph(MODEL, {}, ["b"])

    assert MODEL.SerializeToString() == before


def test_nodes_keep_the_order_in_which_they_can_run() -> None:
    part = subgraph(MODEL, {}, ["last", "c"]).graph

    assert [node.name for node in part.node] == ["first", "second", "aside", "third"]
