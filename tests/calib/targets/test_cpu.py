from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from gridrt.calib.affine import Range
from gridrt.calib.int8 import to_int8
from gridrt.calib.targets import TARGETS
from gridrt.calib.targets.cpu import CpuTarget
from gridrt.cli import precision_options
from gridrt.graph.wiring import Edge, wiring_of
from tests.calib.graphs import model_of, optimized, random_input, ranges_of_run, readers_of, residual_model

MODEL = residual_model()
WIRING = wiring_of(MODEL.graph)
EVERYWHERE = frozenset(WIRING.nodes)


def reads(nodes: frozenset[str] = EVERYWHERE) -> dict[str, Sequence[Edge]]:
    return dict(CpuTarget().quantized_edges(WIRING, nodes))


def test_inputs_and_results_of_products_and_what_lies_between_them_are_quantised() -> None:
    assert set(reads()) == {
        "x", "entered", "main", "down", "passed", "next", "features", "pooled", "lateral", "vector", "logits",
    }  # fmt: skip


def test_a_result_is_quantised_behind_its_relu() -> None:
    assert not {"stem", "joined", "skipped"} & reads().keys()


def test_everyone_reads_a_quantised_tensor_so() -> None:
    for tensor, edges in reads().items():
        assert {tuple(edge) for edge in edges} == readers_of(MODEL, tensor)


def test_only_what_is_planned_and_its_surroundings_are_quantised() -> None:
    assert set(reads(frozenset(("neck.conv/Conv",)))) == {"pooled", "lateral"}
    assert "passed" in reads(EVERYWHERE - {"backbone.layer1.0/Add"})  # read by a convolution
    assert "features" not in reads(EVERYWHERE - {"backbone.layer1.1/Add"})


def test_an_addition_of_what_is_not_quantised_stays_in_float() -> None:
    planned = EVERYWHERE - {"backbone.layer1.1.conv1/Conv"}

    assert not {"next", "features"} & reads(planned).keys()


def test_poolings_and_resizings_keep_the_scale_of_what_they_move() -> None:
    model = model_of(
        """
        moves (float[N,4,H,W] x) => (float[N,4,A,B] y)
        {
            ["conv"] a = Conv (x, weight)
            ["resize"] b = Resize <mode = "nearest"> (a, , factors)
            ["pool"] c = MaxPool <kernel_shape = [2, 2]> (b)
            ["pool again"] d = MaxPool <kernel_shape = [2, 2]> (c)
            ["next"] e = Conv (d, weight)
            ["exp"] y = Exp (e)
        }
        """,
        {"weight": np.ones((4, 4, 1, 1), np.float32), "factors": np.array([1, 1, 2, 2], np.float32)},
    )
    wiring, target = wiring_of(model.graph), CpuTarget()
    ranges = {
        "x": Range(0.0, 1.0),
        "a": Range(-1.0, 4.1),
        "b": Range(-1.0, 4.0),
        "c": Range(0.0, 4.0),
        "d": Range(1.0, 4.0),
    }

    assert set(target.quantized_edges(wiring, frozenset(wiring.nodes))) == {"x", "a", "b", "c", "d", "e"}
    assert target.scheme_of("a", wiring, ranges).scale == np.float32(5.1 / 255)
    for moved in ("b", "c", "d"):
        assert target.scheme_of(moved, wiring, ranges) == target.scheme_of("a", wiring, ranges)


def test_onnx_runtime_runs_residual_blocks_on_integers_from_end_to_end() -> None:
    """No Relu is left, as integers are clipped at 0 anyway, and nothing is converted on the way."""
    x = random_input()
    model = residual_model()
    to_int8(model, EVERYWHERE, ranges_of_run(model, {"x": x}), CpuTarget())

    assert [node.op_type for node in optimized(model).graph.node] == [
        "QuantizeLinear",
        *("QLinearConv", "QLinearConv", "QLinearConv", "QLinearAdd"),
        *("QLinearConv", "QLinearAdd", "MaxPool", "QLinearConv"),
        *("DequantizeLinear", "ReduceMax", "QuantizeLinear"),
        *("QGemm", "DequantizeLinear", "Sigmoid"),
    ]


def test_integers_are_uint8_with_a_zero_point() -> None:
    scheme = CpuTarget().scheme_of("x", WIRING, {"x": Range(-1.0, 4.1)})

    assert isinstance(scheme.zero_point, np.uint8)
    assert [float(each) for each in scheme] == pytest.approx([0.02, 50])


def test_what_the_target_is() -> None:
    target = TARGETS["cpu"]

    assert (target.name, target.has_half, target.quantizes_bias) == ("cpu", False, True)


def test_the_command_line_offers_every_target() -> None:
    assert set(precision_options.TARGETS) == set(TARGETS)
