from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import GraphProto

from gridrt.calib.affine import Range
from gridrt.calib.observe import observed_activations
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.runtime.onnxruntime import stage_times as graph_stages
from gridrt.runtime.onnxruntime.profile import NodeTime, ProfiledRun
from gridrt.runtime.onnxruntime.stage_times import (
    graph_stage_times,
    stage_of_kernel,
    stages_of_nodes,
    stages_of_tensors,
)
from gridrt.stages import STAGES, Stage

IMAGES = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), np.uint8)
SIZES = np.array([[60, 90]], np.int32)
MULTIPLY = frozenset(("Conv", "ConvTranspose", "Gemm"))
FUSED = MULTIPLY | {"FusedConv", "FusedGemm", "QLinearConv", "QGemm"}

# By how the checkpoint names weights; the fusion's are stacked under names of their own.
STAGE_OF_WEIGHTS: Mapping[str, Stage] = {
    "backbone": "backbone",
    "neck": "fpn",
    "rpn_head": "rpn",
    "roi_head.bbox_head": "box_head",
    "roi_head.grid_head": "grid_head",
}
FUSION_CONVOLUTIONS = 4


def weighted_by_stage(graph: GraphProto) -> Counter[Stage]:
    """How many layers of an exported graph, with those in the body of the fusion, multiply in which stage."""
    counts: Counter[Stage] = Counter({"grid_fusion": FUSION_CONVOLUTIONS})
    for node in graph.node:
        if node.op_type in MULTIPLY:
            counts[next(stage for part, stage in STAGE_OF_WEIGHTS.items() if node.input[1].startswith(part))] += 1
    return counts


@pytest.fixture(scope="module")
def written(exported: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Writes `tiny` by a recipe for a target, with ranges that are made up."""
    folder = tmp_path_factory.mktemp("precisions")

    def by(recipe: str, target: str) -> Path:
        if recipe == "fp32":
            return exported("tiny")
        model = onnx.load(exported("tiny"))
        ranges = dict.fromkeys(observed_activations(model.graph), Range(-4.0, 4.0))
        path = folder / f"{recipe}.{target}.onnx"
        onnx.save(apply_recipe(model, load_recipe(recipe), TARGETS[target], ranges), path)
        return path

    return by


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


@pytest.mark.parametrize("variant", ["tiny", "r50"])
def test_no_node_of_an_exported_graph_is_of_no_stage(exported: Callable[[str], Path], variant: str) -> None:
    graph = onnx.load(exported(variant), load_external_data=False).graph

    produced_in = stages_of_tensors(graph)

    assert set(produced_in.values()) == set(STAGES) - {"other"}
    of_op = {
        op: {produced_in[node.output[0]] for node in graph.node if node.op_type == op}
        for op in ("TopK", "Softmax", "ArgMax", "BatchedNms", "MultiLevelRoiAlign", "GridFusion", "ConvTranspose")
    }
    assert of_op == {
        "TopK": {"proposals"},
        "Softmax": {"box_head"},
        "ArgMax": {"decode"},
        "BatchedNms": {"proposals", "detections"},
        "MultiLevelRoiAlign": {"roi_align"},
        "GridFusion": {"grid_fusion"},
        "ConvTranspose": {"grid_head"},
    }


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
