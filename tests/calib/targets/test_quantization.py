from __future__ import annotations

from typing import Any

import numpy as np
import onnx.helper
import pytest

from gridrt.calib.targets.quantization import channel_axis, weighted_nodes
from gridrt.graph.wiring import wiring_of
from tests.calib.graphs import model_of, residual_model

WIRING = wiring_of(residual_model().graph)


def test_weighted_nodes_are_convolutions_and_products_in_the_order_of_the_graph() -> None:
    assert [node.name for node in weighted_nodes(WIRING, frozenset(WIRING.nodes))] == [
        "backbone.conv1/Conv",
        "backbone.layer1.0.conv1/Conv",
        "backbone.layer1.0.downsample.0/Conv",
        "backbone.layer1.1.conv1/Conv",
        "neck.conv/Conv",
        "roi_head.bbox_head.fc_cls/Gemm",
    ]


def test_only_planned_ones_count() -> None:
    assert [node.name for node in weighted_nodes(WIRING, frozenset(("neck.conv/Conv", "neck/ReduceMax")))] == [
        "neck.conv/Conv"
    ]


def test_a_product_of_two_activations_has_no_weight() -> None:
    model = model_of('g (float[A,B] x, float[B,C] y, float[C] z) => (float[A,C] w) { ["gemm"] w = Gemm (x, y, z) }', {})

    assert weighted_nodes(wiring_of(model.graph), frozenset(("gemm",))) == []


@pytest.mark.parametrize(
    ("op", "attributes", "axis"),
    [("Conv", {"group": 2}, 0), ("Gemm", {"transB": 1}, 0), ("Gemm", {"transB": 0}, 1), ("Gemm", {"alpha": 1.0}, 1)],
)
def test_the_axis_of_output_channels(op: str, attributes: dict[str, Any], axis: int) -> None:
    """As ONNX defines them: Conv [M, C / group, ...]; Gemm [K, N], or [N, K] where it is transposed."""
    assert channel_axis(onnx.helper.make_node(op, ["x", "w"], ["y"], **attributes)) == axis


def test_weights_of_a_product_are_stored_as_torch_or_as_onnx_has_them() -> None:
    assert np.shape(WIRING.weights["fc_weight"].dims)[0] == 2
    assert list(WIRING.weights["fc_weight"].dims)[channel_axis(WIRING.nodes["roi_head.bbox_head.fc_cls/Gemm"])] == 3
