from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from gridrt.runtime.onnxruntime import stage_times as graph_stages
from gridrt.runtime.onnxruntime.profile import NodeTime, ProfiledRun
from gridrt.runtime.onnxruntime.stage_times import (
    graph_stage_times,
    stage_of_kernel,
    stages_of_nodes,
)
from gridrt.stages import Stage
from tests.runtime.weighted_layers import MULTIPLY, weighted_by_stage

IMAGES = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), np.uint8)
SIZES = np.array([[60, 90]], np.int32)
FUSED = MULTIPLY | {"FusedConv", "FusedGemm", "QLinearConv", "QGemm"}


@pytest.fixture
def assigned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Stage, NodeTime]]:
    """Every node of a profile with the stage that it counts in."""
    seen: list[tuple[Stage, NodeTime]] = []

    def recorded(kernel: NodeTime, stages: Mapping[str, Stage]) -> Stage:
        stage = stage_of_kernel(kernel, stages)
        seen.append((stage, kernel))
        return stage

    monkeypatch.setattr(graph_stages, "stage_of_kernel", recorded)
    return seen


@pytest.mark.parametrize(
    ("recipe", "target"), [("fp32", ""), ("fp16", "tensorrt"), ("int8", "tensorrt"), ("int8", "cpu")]
)
def test_every_layer_counts_where_its_weights_belong_in_any_precision(
    exported: Callable[[str], Path],
    written: Callable[[str, str], Path],
    assigned: list[tuple[Stage, NodeTime]],
    recipe: str,
    target: str,
) -> None:
    times = graph_stage_times(written(recipe, target), IMAGES, SIZES, threads=1, warm_up=0, runs=1)

    expected = weighted_by_stage(onnx.load(exported("tiny")).graph)
    assert Counter(stage for stage, node in assigned if node.op in FUSED) == expected
    by_op = {op: {stage for stage, node in assigned if node.op == op} for op in {node.op for _, node in assigned}}
    assert by_op["NonMaxSuppression"] == {"proposals", "detections"}
    assert by_op["RoiAlign"] == {"roi_align"}
    assert (by_op["Softmax"], by_op["ArgMax"]) == ({"box_head"}, {"decode"})
    assert "other" not in {stage for stage, _ in assigned}
    assert "backbone" not in by_op["TopK"]
    assert all(times.seconds[stage] > 0 for stage in times.seconds)


def test_what_no_node_took_is_in_other(exported: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    ran = ProfiledRun(1.0, [NodeTime("backbone.conv1/Conv", "Conv", 0.25), NodeTime("Softmax", "Softmax", 0.5)])
    graph = exported("tiny")

    def profiled(_graph: Path, _feeds: object, *, optimized: Path, **_counts: object) -> list[ProfiledRun]:
        onnx.save(onnx.load(graph), optimized)
        return [ran]

    monkeypatch.setattr(graph_stages, "profiled_runs", profiled)

    times = graph_stage_times(graph, IMAGES, SIZES, threads=1, warm_up=0, runs=1)

    assert (times.seconds["backbone"], times.seconds["box_head"], times.seconds["other"]) == (0.25, 0.5, 0.25)
    assert times.total == 1


# As ONNX Runtime makes it of `conv1 -> relu -> lateral`: nodes in blocks of channels, named after tensors.
OPTIMIZED = """
<ir_version: 10, opset_import: ["" : 20]>
optimized (float[1,8,8,8] where) => (float[1,8,8,8] lateral)
<float[8,8,1,1] weight>
{
    ["ReorderInput"] blocks = Identity (where)
    ["relu_nchwc"] blocks_1 = Conv (blocks, weight)
    ["lateral_nchwc"] blocks_2 = Conv (blocks_1, weight)
    ["ReorderOutput"] lateral = Identity (blocks_2)
    [""] spare = Cast <to = 1> (relu)
}
"""


def test_a_fused_node_is_of_the_stage_of_its_tensor_and_a_reordering_of_what_it_is_for() -> None:
    produced_in: dict[str, Stage] = {"where": "input", "relu": "backbone", "lateral": "fpn"}

    stages = stages_of_nodes(onnx.parser.parse_model(OPTIMIZED).graph, produced_in)

    assert stages == {
        "ReorderInput": "backbone",
        "relu_nchwc": "backbone",  # although its only reader is the pyramid's
        "lateral_nchwc": "fpn",
        "ReorderOutput": "fpn",
        "nameless Cast": "backbone",
    }
