from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import ModelProto

from gridrt.calib.affine import Range
from gridrt.calib.observe import observed_activations
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.errors import GraphError
from gridrt.graph.stage_tensors import stage_tensors
from gridrt.graph.wiring import wiring_of
from gridrt.stages import CONVERSIONS


@pytest.fixture(scope="module")
def graph(tiny_synthetic_file: Path) -> ModelProto:
    """To be copied, not changed."""
    return onnx.load(tiny_synthetic_file)


def in_int8(model: ModelProto, target: str) -> ModelProto:
    ranges = {name: Range(-1.0, 1.0) for name in observed_activations(model.graph)}
    return apply_recipe(model, load_recipe("int8"), TARGETS[target], ranges)


def test_stages_are_found_by_ops_and_modules(graph: ModelProto) -> None:
    wiring, names = wiring_of(graph.graph), stage_tensors(graph.graph)

    assert wiring.producers[names.input].name == "normalize/Where"
    assert [wiring.producers[level].op_type for level in names.backbone] == ["Relu"] * 4
    assert [wiring.producers[level].name.split(".")[1] for level in names.backbone] == [
        f"layer{stage}" for stage in range(1, 5)
    ]
    assert [wiring.producers[level].name for level in names.pyramid] == [
        *(f"neck.fpn_convs.{level}.conv/Conv" for level in range(4)),
        "neck/MaxPool",
    ]
    assert wiring.producers[names.deltas[4]].name == "rpn_head.rpn_reg/Conv_4"
    assert wiring.producers[names.proposals].name == "BatchedNms"
    assert names.selected[1:] == ("scores", "labels")


@pytest.mark.parametrize("target", TARGETS)
def test_stages_of_an_int8_graph_are_behind_its_conversions_and_its_first_two_before_them(
    target: str, graph: ModelProto
) -> None:
    rewritten = in_int8(graph, target)
    wiring, names = wiring_of(rewritten.graph), stage_tensors(rewritten.graph)

    in_fp32 = stage_tensors(graph.graph)
    assert (names.input, names.backbone) == (in_fp32.input, in_fp32.backbone)
    for tensor in (*names.objectness, *names.deltas, names.heatmaps):
        assert {node.op_type for node in wiring.consumer_nodes(tensor)}.isdisjoint(CONVERSIONS)


@pytest.mark.parametrize(
    ("lost", "stage"),
    [
        (lambda node: node.op_type == "BatchedNms", "proposals and class scores"),
        (lambda node: node.name.startswith("rpn_head.rpn_cls"), "objectness"),
        (lambda node: node.name.startswith("backbone.conv1"), "the input"),
    ],
)
def test_a_stage_that_is_not_there_is_named(lost: Callable[[object], bool], stage: str, graph: ModelProto) -> None:
    model = ModelProto()
    model.CopyFrom(graph)
    for node in model.graph.node:
        if lost(node):
            node.op_type, node.name = "Other", "other"

    with pytest.raises(GraphError) as caught:
        stage_tensors(model.graph)
    assert caught.value.place == stage
