"""Graphs in INT8 beside the same computed in torch, with its own integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import ModelProto, TensorProto
from torch import Tensor

from gridrt.calib.int8 import to_int8
from gridrt.calib.targets import TARGETS, Target
from tests.calib.graphs import (
    Array,
    maker_of,
    model_of,
    node_of,
    random_input,
    ranges_of_run,
    readers_of,
    residual_model,
    run,
    weights_of,
)

TENSORRT, CPU = TARGETS["tensorrt"], TARGETS["cpu"]
X = random_input()


def in_int8(
    model: ModelProto, target: Target, feeds: Mapping[str, Array], *nodes: str
) -> tuple[ModelProto, frozenset[str]]:
    """A copy of `model` with these nodes in INT8, or all, and the names of its Q/DQ."""
    rewritten = ModelProto()
    rewritten.CopyFrom(model)
    planned = frozenset(nodes or (node.name for node in model.graph.node))
    added = to_int8(rewritten, planned, ranges_of_run(model, feeds), target)
    onnx.checker.check_model(rewritten, full_check=True)
    return rewritten, added


Step: TypeAlias = Callable[[Tensor], Tensor]


def symmetric(amax: float) -> Step:
    scale = amax / 127

    def through(values: Tensor) -> Tensor:
        return (values / scale).round().clamp(-127, 127) * scale

    return through


def asymmetric(low: float, high: float) -> Step:
    scale = float(np.float32((high - low) / 255))
    zero_point = round(-low / (high - low) * 255)

    def through(values: Tensor) -> Tensor:
        integers: Tensor = ((values / scale).round() + zero_point).clamp(0, 255)
        return (integers - zero_point) * scale

    return through


def weight_in_int8(weight: Tensor, scale_type: torch.dtype) -> Tensor:
    """Channel by channel."""
    channels = []
    for channel in weight:
        scale = (channel.abs().max() / 127).to(scale_type).float()
        channels.append((channel / scale).round().clamp(-127, 127) * scale)
    return torch.stack(channels)


def forward(weights: dict[str, Tensor], quantized: Callable[[str, Tensor], Tensor], x: Tensor) -> Tensor:
    """`RESIDUAL`, with a word from `quantized` on every edge that may be quantised; its logits."""
    w, q = weights, quantized
    stem = q("stem", F.conv2d(q("x", x), w["stem_weight"], w["stem_bias"], padding=1).relu())
    main = q("main", F.conv2d(stem, w["main_weight"], w["main_bias"], padding=1))
    down = q("down", F.conv2d(stem, w["down_weight"], w["down_bias"]))
    passed = q("passed", (main + down).relu())
    following = q("next", F.conv2d(passed, w["next_weight"], w["next_bias"]))
    features = q("features", (following + passed).relu())
    pooled = q("pooled", F.max_pool2d(features, 2))
    lateral = q("lateral", F.conv2d(pooled, w["neck_weight"], w["neck_bias"]))
    vector = q("vector", lateral.amax((2, 3)))
    return q("logits", F.linear(vector, w["fc_weight"], w["fc_bias"]))


NAMES = {"stem": "entered"}  # in the graph, what lies behind the Relu


def expected_logits(model: ModelProto, target: Target) -> Tensor:
    ranges = ranges_of_run(model, {"x": X})
    stored = {name: torch.tensor(values) for name, values in weights_of(model).items()}
    scale_type = torch.float16 if target is TENSORRT else torch.float32
    weights = {
        name: weight_in_int8(values, scale_type) if name.endswith("_weight") else values
        for name, values in stored.items()
    }

    def quantized(name: str, values: Tensor) -> Tensor:
        covered = ranges[NAMES.get(name, name)]
        if target is CPU:  # everything; a pooling keeps the scale of what it pools
            same = ranges["features"] if name == "pooled" else covered
            return asymmetric(same.low, same.high)(values)
        reads = {"x", "stem", "down", "passed", "pooled", "vector"}  # inputs of convolutions, and of the skip path
        return symmetric(covered.amax)(values) if name in reads else values

    return forward(weights, quantized, torch.from_numpy(X))


@pytest.mark.parametrize("target", [TENSORRT, CPU], ids=["tensorrt", "cpu"])
def test_numbers_are_those_of_integers_in_torch(target: Target) -> None:
    """The same places, scales and roundings; in a tie of two integers either may win, which is seldom."""
    model = residual_model()
    rewritten, _ = in_int8(model, target, {"x": X})

    (scores,) = run(rewritten, {"x": X}, optimized=False)

    expected = expected_logits(model, target).sigmoid().numpy()
    error = np.abs(scores - expected).max()
    cost = np.abs(run(model, {"x": X})[0] - expected).max()
    assert cost > 0.002  # INT8 is not free: the comparison tells the two apart
    assert error < 0.1 * cost


def test_fused_by_onnx_runtime_it_stays_within_a_step() -> None:
    model = residual_model()
    rewritten, _ = in_int8(model, CPU, {"x": X})

    fused, unfused = (run(rewritten, {"x": X}, optimized=optimized)[0] for optimized in (True, False))

    np.testing.assert_allclose(fused, unfused, atol=0.01)


def test_the_returned_names_are_those_of_all_quantising_nodes() -> None:
    rewritten, added = in_int8(residual_model(), TENSORRT, {"x": X})

    kinds = ("QuantizeLinear", "DequantizeLinear")
    assert added == {node.name for node in rewritten.graph.node if node.op_type in kinds}
    assert len({node.name for node in rewritten.graph.node}) == len(rewritten.graph.node)


@pytest.mark.parametrize("target", [TENSORRT, CPU], ids=["tensorrt", "cpu"])
def test_readers_of_an_activation_share_one_pair(target: Target) -> None:
    rewritten, _ = in_int8(residual_model(), target, {"x": X})

    (pair,) = [node for node in rewritten.graph.node if "passed/quantized" in node.output]
    assert readers_of(rewritten, pair.output[0]) == {("passed/dequantized/DequantizeLinear", 0)}
    assert readers_of(rewritten, "passed/dequantized") >= {
        ("backbone.layer1.1.conv1/Conv", 0),
        ("backbone.layer1.1/Add", 1),
    }


SHARED = """
levels (float[N,2,H,W] x) => (float[N,3,H,W] y)
{
    ["level0"] a = Conv (x, weight, bias)
    ["twice"] doubled = Mul (x, two)
    ["level1"] b = Conv (doubled, weight, bias)
    ["sum"] sum = Add (a, b)
    ["relu"] relu = Relu (sum)
    ["given out"] y = Identity (relu)
}
"""


@pytest.mark.parametrize("target", [TENSORRT, CPU], ids=["tensorrt", "cpu"])
def test_a_weight_that_levels_share_is_stored_once_and_dequantised_by_each(target: Target) -> None:
    generator = np.random.default_rng(0)
    weights: dict[str, Array] = {
        "weight": generator.normal(size=(3, 2, 1, 1)).astype(np.float32),
        "bias": np.array([0.5, -1, 2], np.float32),
        "two": np.array(2, np.float32),
    }
    model = model_of(SHARED, weights)
    x = generator.normal(size=(1, 2, 4, 4)).astype(np.float32)

    rewritten, _ = in_int8(model, target, {"x": x})

    integers = [name for name, values in weights_of(rewritten).items() if values.dtype == np.int8 and values.ndim > 1]
    assert integers == ["weight/int8"]
    assert "weight" not in weights_of(rewritten)
    assert [node_of(rewritten, level).input[1] for level in ("level0", "level1")] == ["level0/weight", "level1/weight"]
    # Not fused: x86 without VNNI adds two products in 16 bits, where 2 * 255 * 127 saturates. Each tensor is rounded by
    # half a step at most; the sum of whole steps leaves room for what the weights enlarge.
    error = np.abs(run(rewritten, {"x": x}, optimized=False)[0] - run(model, {"x": x})[0]).max()
    assert error < sum(covered.high - covered.low for covered in ranges_of_run(model, {"x": x}).values()) / 255


def test_a_weight_that_is_read_in_float_too_is_kept() -> None:
    model = residual_model()
    node_of(model, "backbone.layer1.1.conv1/Conv").input[1] = "down_weight"

    rewritten, _ = in_int8(model, TENSORRT, {"x": X}, "backbone.layer1.1.conv1/Conv")

    assert {"down_weight", "down_weight/int8"} <= set(weights_of(rewritten))
    assert readers_of(rewritten, "down_weight") == {("backbone.layer1.0.downsample.0/Conv", 1)}


def test_for_tensorrt_biases_stay_in_float() -> None:
    rewritten, _ = in_int8(residual_model(), TENSORRT, {"x": X})

    assert {tensor.data_type for tensor in rewritten.graph.initializer} == {
        TensorProto.FLOAT, TensorProto.INT8, TensorProto.INT64,
    }  # fmt: skip
    assert node_of(rewritten, "backbone.conv1/Conv").input[2] == "stem_bias"


def test_for_a_cpu_biases_count_products_of_both_scales() -> None:
    model = residual_model()
    rewritten, _ = in_int8(model, CPU, {"x": X})

    weights = weights_of(rewritten)
    node = maker_of(rewritten, node_of(rewritten, "backbone.layer1.0.conv1/Conv").input[2])
    integers, scales = (weights[name] for name in node.input)
    products = weights["entered/scale"] * weights["main_weight/scale"]
    assert integers.dtype == np.int32
    np.testing.assert_allclose(scales, products, rtol=1e-6)
    np.testing.assert_array_equal(integers, np.rint(weights_of(model)["main_bias"] / products.astype(np.float64)))


@pytest.mark.parametrize("target", [TENSORRT, CPU], ids=["tensorrt", "cpu"])
def test_nodes_that_are_not_planned_keep_their_weights(target: Target) -> None:
    rewritten, _ = in_int8(residual_model(), target, {"x": X}, "neck.conv/Conv")

    integers = [name for name, values in weights_of(rewritten).items() if values.dtype == np.int8 and values.ndim > 1]
    assert integers == ["neck_weight/int8"]


DEAD = """
dead (float[N,2,H,W] x) => (float[N,4,H,W] y)
{
    ["first"] first = Conv (x, weight, bias)
    ["relu"] relu = Relu (first)
    ["second"] second = Conv (relu, second_weight, second_bias)
    ["second relu"] seen = Relu (second)
    ["given out"] y = Identity (seen)
}
"""
DEAD_WEIGHTS: dict[str, Array] = {
    # Of the second convolution one channel is dead and two are nearly so, as behind a batch norm that scales by next
    # to nothing: their biases are all that they give.
    "weight": np.array([[1, -1], [0, 0], [0.5, 2]], np.float32)[..., None, None],
    "bias": np.array([0.25, 0, -0.5], np.float32),
    "second_weight": np.array([[1, 1, 1], [0, 0, 0], [1e-9, 0, -1e-9], [1e-30, 0, 0]], np.float32)[..., None, None],
    "second_bias": np.array([0.1, 0.7, 3.3, 0.4], np.float32),
}


@pytest.mark.parametrize("optimized", [False, True])
@pytest.mark.parametrize("target", [TENSORRT, CPU], ids=["tensorrt", "cpu"])
@pytest.mark.parametrize("brightness", [1.0, 300.0])
def test_dead_channels_give_their_bias(target: Target, brightness: float, *, optimized: bool) -> None:
    model = model_of(DEAD, DEAD_WEIGHTS)
    x = np.random.default_rng(0).normal(size=(1, 2, 5, 5)).astype(np.float32) * np.float32(brightness)
    rewritten, _ = in_int8(model, target, {"x": x})

    found, expected = (run(each, {"x": x}, optimized=optimized)[0] for each in (rewritten, model))

    step = float(expected.max()) / 255 if target is CPU else 1e-5  # outputs are quantised on a CPU alone
    np.testing.assert_allclose(found[:, 1:], expected[:, 1:], atol=0.51 * step)


@pytest.mark.parametrize("doubling", [0.25, 4.0])
def test_a_dead_channel_gives_its_bias_to_all_levels_that_share_it(doubling: float) -> None:
    weights: dict[str, Array] = {
        "weight": np.array([[1, -1], [0.5, 2], [0, 0]], np.float32)[..., None, None],
        "bias": np.array([0, 0, 1.5], np.float32),
        "two": np.array(doubling, np.float32),
    }
    model = model_of(SHARED, weights)
    x = np.random.default_rng(0).normal(size=(1, 2, 4, 4)).astype(np.float32)

    rewritten, _ = in_int8(model, CPU, {"x": x})

    np.testing.assert_allclose(run(rewritten, {"x": x})[0][:, 2], 3, atol=0.05)


@pytest.mark.parametrize("target", [TENSORRT, CPU], ids=["tensorrt", "cpu"])
def test_what_is_zero_throughout_stays_zero(target: Target) -> None:
    """Ranges of nothing: black images, and units that never fire."""
    model = residual_model()
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(onnx.numpy_helper.from_array(0 * onnx.numpy_helper.to_array(tensor), tensor.name))
    x = np.zeros_like(X)

    rewritten, _ = in_int8(model, target, {"x": x})

    assert (run(rewritten, {"x": x})[0] == 0.5).all()
    assert all(np.isfinite(values).all() for values in weights_of(rewritten).values())
