from __future__ import annotations

import numpy as np
import pytest

from gridrt.calib.affine import Range
from gridrt.calib.targets import TARGETS
from gridrt.calib.targets.tensorrt import TensorRTTarget
from gridrt.graph.wiring import Edge, wiring_of
from tests.calib.graphs import model_of, residual_model

WIRING = wiring_of(residual_model().graph)
EVERYWHERE = frozenset(WIRING.nodes)
MAIN, DOWN = "backbone.layer1.0.conv1/Conv", "backbone.layer1.0.downsample.0/Conv"


def reads(nodes: frozenset[str] = EVERYWHERE) -> dict[str, list[Edge]]:
    return {tensor: list(edges) for tensor, edges in TensorRTTarget().quantized_edges(WIRING, nodes).items()}


def test_activations_of_convolutions_and_products_and_skip_inputs_of_residuals_are_quantised_and_nothing_else() -> None:
    assert reads() == {
        "x": [Edge("backbone.conv1/Conv", 0)],
        "entered": [Edge(MAIN, 0), Edge(DOWN, 0)],
        "down": [Edge("backbone.layer1.0/Add", 1)],
        "passed": [Edge("backbone.layer1.1.conv1/Conv", 0), Edge("backbone.layer1.1/Add", 1)],
        "pooled": [Edge("neck.conv/Conv", 0)],
        "vector": [Edge("roi_head.bbox_head.fc_cls/Gemm", 0)],
    }


def test_only_what_is_planned_is_quantised() -> None:
    assert reads(frozenset(("neck.conv/Conv", "Sigmoid"))) == {"pooled": [Edge("neck.conv/Conv", 0)]}
    assert reads(EVERYWHERE - {"backbone.layer1.1/Add"})["passed"] == [Edge("backbone.layer1.1.conv1/Conv", 0)]


def test_the_skip_input_is_the_one_that_does_not_come_from_the_convolution_in_int8() -> None:
    """A convolution that stays in FP16 fuses with no addition in INT8."""
    assert reads(EVERYWHERE - {MAIN})["main"] == [Edge("backbone.layer1.0/Add", 0)]
    assert "down" not in reads(EVERYWHERE - {MAIN})
    assert not {"main", "down"} & reads(EVERYWHERE - {MAIN, DOWN}).keys()


ADDITIONS = """
additions (float[N,4,H,W] x) => (float[N,4,H,W] residual, float[N,4,H,W] merged, float[N,4,H,W] shared)
{
    ["enter"] entered = Relu (x)
    ["conv1"] one = Conv (entered, weight)
    ["residual"] added = Add (entered, one)
    ["residual relu"] residual = Relu (added)
    ["conv2"] two = Conv (entered, weight)
    ["merge"] merged = Add (two, entered)
    ["conv3"] three = Conv (entered, weight)
    ["shared"] twice = Add (three, entered)
    ["shared relu"] relu = Relu (twice)
    ["shared sum"] shared = Add (relu, twice)
}
"""


def test_a_residual_is_an_addition_that_feeds_a_relu_alone_whichever_input_the_convolution_is() -> None:
    wiring = wiring_of(model_of(ADDITIONS, {"weight": np.ones((4, 4, 1, 1), np.float32)}).graph)

    found = TensorRTTarget().quantized_edges(wiring, frozenset(wiring.nodes))

    assert dict(found) == {
        "entered": [Edge("conv1", 0), Edge("residual", 0), Edge("conv2", 0), Edge("conv3", 0)],
    }


@pytest.mark.parametrize(
    ("channels", "group", "is_quantized"), [(8, 1, True), (8, 2, True), (8, 4, False), (8, 8, False)]
)
def test_groups_that_tensorrt_cannot_run_in_int8_stay_in_half(channels: int, group: int, *, is_quantized: bool) -> None:
    """It wants a multiple of four channels in each."""
    model = model_of(
        f'g (float[N,{channels},H,W] x) => (float[N,8,H,W] y) {{ ["conv"] y = Conv <group = {group}> (x, weight) }}',
        {"weight": np.ones((8, channels // group, 1, 1), np.float32)},
    )
    wiring = wiring_of(model.graph)

    assert bool(TensorRTTarget().quantized_edges(wiring, frozenset(wiring.nodes))) == is_quantized


def test_a_few_channels_in_one_group_are_no_obstacle() -> None:
    assert [Edge("backbone.conv1/Conv", 0)] == reads()["x"]  # four of them; pixels have three
    model = model_of(
        'g (float[N,3,H,W] x) => (float[N,8,H,W] y) { ["conv"] y = Conv (x, weight) }',
        {"weight": np.ones((8, 3, 1, 1), np.float32)},
    )

    assert dict(TensorRTTarget().quantized_edges(wiring_of(model.graph), frozenset(("conv",)))) == {
        "x": [Edge("conv", 0)]
    }


@pytest.mark.parametrize(("low", "high", "amax"), [(-1.0, 12.7, 12.7), (-12.7, 0.0, 12.7), (0.0, 0.0, 127.0)])
def test_integers_are_symmetric_int8(low: float, high: float, amax: float) -> None:
    scheme = TensorRTTarget().scheme_of("x", WIRING, {"x": Range(low, high)})

    assert scheme.scale == pytest.approx(amax / 127)
    assert isinstance(scheme.zero_point, np.int8)
    assert scheme.zero_point == 0


def test_what_the_target_is() -> None:
    target = TARGETS["tensorrt"]

    assert (target.name, target.has_half, target.quantizes_bias) == ("tensorrt", True, False)
