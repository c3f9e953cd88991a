from __future__ import annotations

import numpy as np
import onnx.parser
import pytest
from onnx import TensorProto

from gridrt.errors import GraphError
from gridrt.runtime.onnxruntime.subgraph import Part, cut

MODEL = onnx.parser.parse_model("""
<ir_version: 10, opset_import: ["" : 20]>
steps (float[N] x) => (float[N] last)
<float[1] two = {2.0}, float[1] ten = {10.0}>
{
    ["first"] a = Mul (x, two)
    ["second"] b = Add (a, ten)
    ["aside"] c = Neg (a)
    ["third"] last = Mul (b, two)
}
""")


def test_a_part_runs_from_what_is_given() -> None:
    part = Part(MODEL, {"a": TensorProto.FLOAT}, ["b", "last"], threads=1)

    b, last = part({"a": np.array([1], np.float32), "x": np.array([0], np.float32)})

    assert (b.item(), last.item()) == (11, 22)


def test_a_part_has_no_node_and_no_weight_that_it_does_not_need() -> None:
    part = cut(MODEL, {"a": TensorProto.FLOAT}, ["b"])

    assert [node.name for node in part.graph.node] == ["second"]
    assert [tensor.name for tensor in part.graph.initializer] == ["ten"]
    assert [entry.name for entry in part.graph.input] == ["a"]
    assert len(MODEL.graph.node) == 4


def test_what_bypasses_the_given_is_run_from_the_inputs_of_the_graph() -> None:
    (last,) = Part(MODEL, {"c": TensorProto.FLOAT}, ["last"], threads=1)({"x": np.array([1], np.float32)})

    assert last.item() == 24


def test_what_onnx_runtime_refuses_is_an_error_of_the_graph() -> None:
    with pytest.raises(GraphError, match="cannot run this part"):
        Part(MODEL, {}, ["b"], threads=1)({"x": np.array([1], np.float64)})
