"""Names of other tools, brought to today's."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gridrt.errors import CheckpointError
from gridrt.model.checkpoint.names import unknown_prefix, with_current_names

WEIGHT = torch.arange(6.0).reshape(3, 2)
PLACE = Path("w.pth")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "name",
    [
        "backbone.conv1.weight",
        "module.backbone.conv1.weight",
        "_orig_mod.backbone.conv1.weight",
        "model.backbone.conv1.weight",
        "module._orig_mod.backbone.conv1.weight",
        "model._orig_mod.module.backbone.conv1.weight",
        "module.module.backbone.conv1.weight",
        "backbone._orig_mod.conv1.weight",
        "model.backbone._orig_mod.conv1.weight",
    ],
)
def test_prefixes_of_wrappers_are_dropped_in_any_nesting(name: str) -> None:
    assert with_current_names({name: WEIGHT}, PLACE) == {"backbone.conv1.weight": WEIGHT}


def test_only_whole_components_at_the_start_are_prefixes() -> None:
    names = ["submodule.weight", "head.model.weight"]

    assert list(with_current_names(dict.fromkeys(names, WEIGHT), PLACE)) == names


def test_names_that_differ_only_in_wrappers_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"w\.pth: .*found module\.a"):
        with_current_names({"a": WEIGHT, "module.a": WEIGHT}, PLACE)


def test_tensors_of_averaging_are_left_out_and_counted() -> None:
    state_dict = {
        "module.n_averaged": torch.tensor(3),
        "module.backbone.conv1.weight": WEIGHT,
        "module.ema_backbone_conv1_weight": -WEIGHT,
    }

    with pytest.warns(UserWarning, match=r"w\.pth: .* 2 .*n_averaged, ema_backbone_conv1_weight"):
        weights = with_current_names(state_dict, PLACE)
    assert weights == {"backbone.conv1.weight": WEIGHT}


def test_v1_heads_move_under_roi_head_and_the_background_row_moves_last() -> None:
    v1 = {
        "backbone.conv1.weight": WEIGHT,
        "bbox_head.fc_cls.weight": torch.tensor([[0.0], [1.0], [2.0]]),
        "bbox_head.fc_cls.bias": torch.tensor([0.0, 1.0, 2.0]),
        "bbox_head.shared_fcs.0.weight": WEIGHT,
        "grid_head.deconv1.weight": WEIGHT,
    }

    current = with_current_names(v1, PLACE)

    assert list(current) == [
        "backbone.conv1.weight",
        "roi_head.bbox_head.fc_cls.weight",
        "roi_head.bbox_head.fc_cls.bias",
        "roi_head.bbox_head.shared_fcs.0.weight",
        "roi_head.grid_head.deconv1.weight",
    ]
    assert current["roi_head.bbox_head.fc_cls.weight"].tolist() == [[1.0], [2.0], [0.0]]
    assert current["roi_head.bbox_head.fc_cls.bias"].tolist() == [1.0, 2.0, 0.0]
    assert current["roi_head.bbox_head.shared_fcs.0.weight"] is WEIGHT


def test_an_unknown_prefix_is_the_one_before_most_of_the_expected_names() -> None:
    expected = ["backbone.conv1.weight", "neck.bias"]
    wrapped = ["detector.net.backbone.conv1.weight", "detector.net.neck.bias", "loss.weight"]
    twins = ["student.neck.bias", "teacher.neck.bias", "teacher.backbone.conv1.weight"]

    assert unknown_prefix(wrapped, expected) == "detector.net."
    assert unknown_prefix(twins, expected) == "teacher."


def test_names_without_a_prefix_have_none() -> None:
    assert unknown_prefix(["backbone.conv1.weight", "conv1.weight"], ["backbone.conv1.weight"]) == ""
