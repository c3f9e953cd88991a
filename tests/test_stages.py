from __future__ import annotations

import pytest

from gridrt.stages import STAGES, Stage, StageTimes, middle_run, stage_behind, stage_of_node, times_of


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
        ("GridFusion", "grid_head"),
        ("MultiLevelRoiAlign_1", "roi_align"),
        ("BatchedNms", "nms"),
        ("BatchedNms/Where_27", "nms"),
        ("_inlfunc_BatchedNms_token_12_BatchedNms/Where_27", "nms"),
        ("Transpose_3", None),
        ("relu_10/dequantized/DequantizeLinear", None),
        ("backbones/Conv", None),
        ("", None),
    ],
)
def test_a_node_is_of_the_stage_that_its_name_tells(node: str, stage: Stage | None) -> None:
    assert stage_of_node(node) == stage


def test_what_follows_the_proposal_network_is_its_decode_and_what_follows_later_stages_the_last() -> None:
    assert {stage: stage_behind(stage) for stage in STAGES} == {
        "input": "input",
        "backbone": "backbone",
        "fpn": "fpn",
        "rpn": "rpn",
        "nms": "decode",
        "roi_align": "decode",
        "box_head": "decode",
        "grid_head": "decode",
        "decode": "decode",
        "other": "other",
    }


def test_parts_add_up_to_stages_and_stages_to_the_whole() -> None:
    times = times_of([("rpn", 0.25), ("nms", 1.0), ("rpn", 0.5), ("other", 0.25)])

    assert tuple(times.seconds) == STAGES
    assert {stage: seconds for stage, seconds in times.seconds.items() if seconds} == {
        "rpn": 0.75,
        "nms": 1.0,
        "other": 0.25,
    }
    assert times.total == 2.0
    assert times.shares["nms"] == 0.5
    assert sum(times.shares.values()) == 1


@pytest.mark.parametrize(("totals", "middle"), [((3, 1, 2), 2), ((9, 1), 1), ((4, 3, 2, 1), 2)])
def test_the_middle_run_is_one_that_was(totals: tuple[float, ...], middle: float) -> None:
    runs: list[StageTimes] = [times_of([("nms", total)]) for total in totals]

    assert middle_run(runs).total == middle
