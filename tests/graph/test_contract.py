from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import pytest

from gridrt.errors import GraphError
from gridrt.graph.contract import check_contract
from gridrt.graph.graph import Graph, load_graph
from tests.fakes import WHOLE_IMAGE_GRAPH, whole_image_graph


def graph_of(model: onnx.ModelProto) -> Graph:
    return Graph(model, Path("a.onnx"))


def test_an_exported_graph_keeps_it(exported: Callable[[str], Path]) -> None:
    check_contract(load_graph(exported("tiny")))


def test_weights_may_be_listed_as_inputs() -> None:
    model = whole_image_graph()
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(3, np.float32), "weight"))
    model.graph.input.append(onnx.helper.make_tensor_value_info("weight", onnx.TensorProto.FLOAT, [3]))

    check_contract(graph_of(model))


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("uint8[B,H,W,3] images", "float[B,H,W,3] images", "input images of float, rank 4 instead of uint8, rank 4"),
        ("uint8[B,H,W,3] images", "uint8[B,N] images", "input images of uint8, rank 2 instead of uint8, rank 4"),
        ("uint8[B,H,W,3] images", "uint8[B,H,W,3] pixels", "no input named images"),
        ("scores", "confidences", "no output named scores"),
        ("int32[B,1] labels)", "int32[B,1] labels, float[B] brightness)", "a further output named brightness"),
    ],
)
def test_other_inputs_or_outputs_are_refused(before: str, after: str, found: str) -> None:
    with pytest.raises(GraphError) as caught:
        check_contract(graph_of(whole_image_graph(WHOLE_IMAGE_GRAPH.replace(before, after))))

    assert caught.value.place == Path("a.onnx")
    assert caught.value.value == found


@pytest.mark.parametrize(
    ("classes", "found"),
    [
        (None, "no metadata gridrt.classes"),
        *((text, "is not a JSON list of strings") for text in ("person, car", "80", '"abc"', '{"a": 1}', "[1]")),
    ],
)
def test_a_graph_without_class_names_is_refused(classes: str | None, found: str) -> None:
    with pytest.raises(GraphError, match=found):
        check_contract(graph_of(whole_image_graph(classes=classes)))


@pytest.mark.parametrize("rule", ["480 x 360", "[480, 360]", '{"scale": [480]}', '{"scale": [480, 0]}'])
def test_another_scale_than_two_positive_numbers_is_refused(rule: str) -> None:
    with pytest.raises(GraphError, match=r"gridrt\.input .*scale"):
        check_contract(graph_of(whole_image_graph(input_rule=rule)))


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_weights_that_are_not_finite_are_refused_by_name(broken: float, dtype: type[np.floating]) -> None:
    model = whole_image_graph()
    tensors = {"sound": np.ones(3, dtype), "count": np.arange(3), "head.weight": np.array([[1, broken]], dtype)}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in tensors.items())

    with pytest.raises(GraphError, match=r"1 tensors: head\.weight"):
        check_contract(graph_of(model))


@pytest.mark.parametrize(("magnitude", "is_sound"), [(2.0**62, True), (2.0**64, False), (3.4e38, False)])
def test_finite_weights_whose_products_are_not_are_refused_by_name(magnitude: float, is_sound: bool) -> None:  # noqa: FBT001
    model = whole_image_graph()
    tensors = {"bound": np.array(-3.4e38, np.float32), "head.bias": np.array([1, -magnitude], np.float32)}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in tensors.items())

    with nullcontext() if is_sound else pytest.raises(GraphError, match=r"1 tensors: head\.bias"):
        check_contract(graph_of(model))


def as_constant(value: float) -> onnx.NodeProto:
    tensor = onnx.numpy_helper.from_array(np.array([1, value], np.float32))
    return onnx.helper.make_node("Constant", [], ["c"], "constant", value=tensor)


def as_attribute(value: float) -> onnx.NodeProto:
    return onnx.helper.make_node("LeakyRelu", ["boxes"], ["c"], "leaky", alpha=value)


def as_list(value: float) -> onnx.NodeProto:
    return onnx.helper.make_node("Constant", [], ["c"], "list", value_floats=[1.0, value])


def within_a_branch(value: float) -> onnx.NodeProto:
    branch = onnx.helper.make_graph([as_constant(value)], "branch", [], [])
    return onnx.helper.make_node("If", ["condition"], ["c"], "if", then_branch=branch)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("node_of", "name"),
    [
        (as_constant, "value of constant"),
        (as_attribute, "alpha of leaky"),
        (as_list, "value_floats of list"),
        (within_a_branch, "value of constant"),
    ],
)
@pytest.mark.parametrize("is_in_function", [False, True])
def test_constants_that_are_not_finite_are_refused_wherever_they_are(
    node_of: Callable[[float], onnx.NodeProto], name: str, broken: float, *, is_in_function: bool
) -> None:
    model = whole_image_graph()
    if is_in_function:
        model.functions.append(onnx.helper.make_function("d", "f", [], ["c"], [node_of(broken)], []))
    else:
        model.graph.node.append(node_of(broken))

    with pytest.raises(GraphError, match=f"1 tensors: {name}"):
        check_contract(graph_of(model))


def test_a_tensor_with_less_data_than_its_shape_says_is_refused() -> None:
    model = whole_image_graph()
    tensor = onnx.numpy_helper.from_array(np.ones(3, np.float32), "weight")
    tensor.raw_data = tensor.raw_data[:-1]
    model.graph.initializer.append(tensor)

    with pytest.raises(GraphError, match="a tensor"):
        check_contract(graph_of(model))


@pytest.mark.filterwarnings("error")
def test_weights_in_half_precision_are_looked_at_without_a_word() -> None:
    """The largest weight that is allowed is beyond their type."""
    model = whole_image_graph()
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.ones(3, np.float16), "weight"))

    check_contract(graph_of(model))
