"""A graph with an op that its kernel does not take is refused before TensorRT sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, numpy_helper

from gridrt.errors import EngineError
from gridrt.export.engine.limits import refuse_beyond_limits
from gridrt.export.engine.profile import fix_inputs, profile_for
from gridrt.export.passes.static_rows import static_rows


@pytest.fixture
def model(exported: Callable[[str], Path]) -> ModelProto:
    """As it is before TensorRT gets it, with all dimensions open that can be."""
    model = onnx.load(exported("tiny"))
    static_rows(model)
    fix_inputs(model, profile_for((320, 256), (1, 4)))
    return model


def node(model: ModelProto, name: str) -> NodeProto:
    (found,) = (node for node in model.graph.node if node.name == name)
    assert isinstance(found, NodeProto)
    return found


def set_attribute(model: ModelProto, name: str, attribute: str, value: float) -> None:
    (found,) = (entry for entry in node(model, name).attribute if entry.name == attribute)
    found.CopyFrom(onnx.helper.make_attribute(attribute, value))


def test_the_models_that_there_are_keep_the_limits(model: ModelProto) -> None:
    refuse_beyond_limits(model)


@pytest.mark.parametrize(
    ("name", "attribute", "value", "limit"),
    [
        ("BatchedNms_1", "max_output", 5121, "from 1 to 5120"),
        ("BatchedNms", "iou_threshold", -0.5, "at least 0"),
        ("MultiLevelRoiAlign", "output_size", 33, "from 1 to 32"),
    ],
)
def test_an_attribute_beyond_a_limit_is_told_with_node_and_value(
    model: ModelProto, name: str, attribute: str, value: float, limit: str
) -> None:
    set_attribute(model, name, attribute, value)
    with pytest.raises(EngineError, match=attribute) as caught:
        refuse_beyond_limits(model)
    assert (caught.value.place, caught.value.value) == (name, value)
    assert caught.value.rule.endswith(limit)
    assert all(backend in caught.value.remedy for backend in ("ONNX Runtime", "PyTorch"))


def test_a_shape_beyond_a_limit_is_told_with_node_and_shape(model: ModelProto) -> None:
    widen(model, channels=9 * 80)
    with pytest.raises(EngineError, match="16, 32, 48 or 64") as caught:
        refuse_beyond_limits(model)
    assert (caught.value.place, caught.value.value) == ("GridFusion", (2, 720, 7, 7))


def widen(model: ModelProto, channels: int) -> None:
    """Let another tensor come in the place of the features."""
    wide = numpy_helper.from_array(np.zeros((2, channels, 7, 7), np.float32), "wide")
    model.graph.initializer.append(wide)
    node(model, "GridFusion").input[0] = "wide"


def test_a_shape_that_is_open_is_left_to_the_plugin(model: ModelProto) -> None:
    """TensorRT knows more than ONNX's shape inference."""
    free = onnx.helper.make_tensor_value_info("free", onnx.TensorProto.FLOAT, ["rows", "channels", 7, 7])
    model.graph.input.append(free)
    node(model, "GridFusion").input[0] = "free"
    refuse_beyond_limits(model)
