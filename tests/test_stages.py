from __future__ import annotations

import pytest

from gridrt.model.untrained import untrained_model
from gridrt.stages import (
    CUSTOM_OPS,
    MODULES,
    STAGES,
    Stage,
    StageTimes,
    median_run,
    module_of_node,
    stage_behind,
    stage_of_node,
    times_of,
)


@pytest.mark.parametrize(
    ("node", "stage"),
    [
        ("normalize/Where", "input"),
        ("backbone.layer1.0.downsample.1/InstanceNormalization", "backbone"),
        ("backbone/Relu", "backbone"),
        ("neck.fpn_convs.0.conv/Conv", "fpn"),
        ("rpn_head.rpn_cls/Conv_3", "rpn"),
        ("roi_head.bbox_head.shared_fcs.0/Gemm/weight/DequantizeLinear", "box_head"),
        ("roi_head.grid_head.deconv2/ConvTranspose", "grid_head"),
        ("GridFusion", "grid_fusion"),
        ("MultiLevelRoiAlign_1", "roi_align"),
        ("BatchedNms", "proposals"),
        ("BatchedNms_1", "detections"),
        ("BatchedNms_1/Where_27", "detections"),
        ("_inlfunc_BatchedNms_token_12_BatchedNms/Where_27", "proposals"),
        ("_inlfunc_BatchedNms_1_BatchedNms_1/NonMaxSuppression_41", "detections"),
        ("_inlfunc_GridFusion_first_sent", "grid_fusion"),
        ("Transpose_3", None),
        ("relu_10/dequantized/DequantizeLinear", None),
        ("backbones/Conv", None),
        ("", None),
    ],
)
def test_the_stage_of_a_node_follows_from_its_name(node: str, stage: Stage | None) -> None:
    assert stage_of_node(node) == stage


def test_unnamed_nodes_behind_a_head_decode_its_maps_and_all_others_stay_in_their_stage() -> None:
    behind = {stage: stage_behind(stage) for stage in STAGES}

    assert {stage: decoded for stage, decoded in behind.items() if stage != decoded} == {
        "rpn": "proposals",
        "grid_head": "decode",
        "grid_fusion": "decode",
    }


@pytest.mark.parametrize(
    ("node", "depth", "module"),
    [
        ("backbone.layer1.0.conv1/Conv", 1, "backbone.layer1"),
        ("backbone/Relu", 1, "backbone"),
        ("roi_head.grid_head.convs.7.conv/Conv", 2, "roi_head.grid_head.convs.7"),
        ("Transpose_3", 1, "Transpose_3"),
    ],
)
def test_a_module_of_a_node_is_named_from_its_stage_on(node: str, depth: int, module: str) -> None:
    assert module_of_node(node, depth) == module


def test_every_module_of_the_model_and_every_custom_op_is_of_a_stage_of_the_model() -> None:
    model = untrained_model("tiny")

    assert all(model.get_submodule(module) is not None for module in MODULES)
    assert {*MODULES.values(), *CUSTOM_OPS.values(), "decode"} == set(STAGES) - {"other"}


def test_parts_add_up_to_stages_and_stages_to_the_whole() -> None:
    times = times_of([("rpn", 0.25), ("decode", 1.0), ("rpn", 0.5), ("other", 0.25)])

    assert tuple(times.seconds) == STAGES
    assert {stage: seconds for stage, seconds in times.seconds.items() if seconds} == {
        "rpn": 0.75,
        "decode": 1.0,
        "other": 0.25,
    }
    assert times.total == 2.0
    assert times.shares["decode"] == 0.5
    assert sum(times.shares.values()) == 1


@pytest.mark.parametrize(("totals", "median"), [((3, 1, 2), 2), ((9, 1), 1), ((4, 3, 2, 1), 2)])
def test_the_median_run_is_one_that_was(totals: tuple[float, ...], median: float) -> None:
    runs: list[StageTimes] = [times_of([("decode", total)]) for total in totals]

    assert median_run(runs).total == median
