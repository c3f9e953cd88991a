from __future__ import annotations

import numpy as np
import onnx
import onnx.helper
import pytest
from onnx import ModelProto, TensorProto

from gridrt.runtime.graph_info import narrowest_type
from tests.fakes import whole_image_graph


def with_weight(element_type: int) -> ModelProto:
    model = whole_image_graph()
    model.graph.initializer.append(onnx.helper.make_tensor("weight", element_type, [1], np.ones(1)))
    return model


def with_tensor(element_type: int) -> ModelProto:
    model = whole_image_graph()
    model.graph.value_info.append(onnx.helper.make_tensor_value_info("features", element_type, [1]))
    return model


TYPES = [(TensorProto.FLOAT, "fp32"), (TensorProto.BFLOAT16, "bf16"), (TensorProto.FLOAT16, "fp16")]


@pytest.mark.parametrize(("element_type", "precision"), TYPES)
def test_weights_and_tensors_tell_the_type_that_a_graph_computes_in(element_type: int, precision: str) -> None:
    assert narrowest_type(with_weight(element_type)) == precision
    assert narrowest_type(with_tensor(element_type)) == precision


@pytest.mark.parametrize("element_type", [each for each, _ in TYPES])
def test_nodes_that_dequantise_tell_int8(element_type: int) -> None:
    model = with_weight(element_type)
    model.graph.node.append(onnx.helper.make_node("DequantizeLinear", ["q", "scale"], ["real"]))

    assert narrowest_type(model) == "int8"
