"""Layouts of checkpoints, brought to one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from gridrt.errors import CheckpointError
from gridrt.model.checkpoint.layout import TRAINING_STATE, class_names_in, state_dict_and_meta, with_current_names

WEIGHT = torch.arange(6.0).reshape(3, 2)
PLACE = Path("w.pth")


@pytest.mark.parametrize(
    ("content", "meta"),
    [
        ({"a": WEIGHT}, {}),
        (OrderedDict(a=WEIGHT), {}),
        ({"state_dict": {"a": WEIGHT}}, {}),
        ({"state_dict": {"a": WEIGHT}, "meta": None}, {}),
        ({"state_dict": {"a": WEIGHT}, "meta": {"epoch": 3}, "optimizer": {"state": {}}}, {"epoch": 3}),
        ({"state_dict": {"a": WEIGHT}, "meta": {"epoch": 3}, "message_hub": {}, "param_schedulers": []}, {"epoch": 3}),
    ],
)
def test_a_state_dict_is_found_alone_or_in_a_checkpoint(content: object, meta: Mapping[str, object]) -> None:
    assert state_dict_and_meta(content, PLACE) == ({"a": WEIGHT}, meta)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([WEIGHT], "found a list"),
        ({}, "found a dict"),
        ({"epoch": 3, "optimizer": {}}, "found keys epoch, optimizer"),
        ({"state_dict": {}}, "found keys state_dict"),
        ({"model": {"a": WEIGHT}}, "found keys model"),
        ({"a": WEIGHT, "b": 1, 2: WEIGHT}, "found b, 2"),
        ({"a": WEIGHT, "b": WEIGHT.to_sparse()}, "found b"),
        ({"a": WEIGHT, "b": WEIGHT.to("meta")}, "found b"),
        ({"a": WEIGHT, "b": WEIGHT.to(torch.complex64)}, "found b"),
    ],
)
def test_what_is_no_state_dict_is_refused_by_what_it_holds(content: object, found: str) -> None:
    with pytest.raises(CheckpointError, match=rf"w\.pth: .*\({found}\)"):
        state_dict_and_meta(content, PLACE)


def test_a_training_state_is_told_from_weights_and_those_beside_it_are_named() -> None:
    content = {"kind": TRAINING_STATE, "progress": {}, "class_names": ("cat",), "model": {"a": WEIGHT}}

    with pytest.raises(CheckpointError, match=r"\(found a training state\)\. Take last\.pth or best\.pth beside it\."):
        state_dict_and_meta(content, PLACE)


def test_the_prefix_of_a_parallel_wrapper_is_dropped() -> None:
    assert with_current_names({"module.backbone.conv1.weight": WEIGHT}) == {"backbone.conv1.weight": WEIGHT}


def test_v1_heads_move_under_roi_head_and_the_background_row_moves_last() -> None:
    v1 = {
        "backbone.conv1.weight": WEIGHT,
        "bbox_head.fc_cls.weight": torch.tensor([[0.0], [1.0], [2.0]]),
        "bbox_head.fc_cls.bias": torch.tensor([0.0, 1.0, 2.0]),
        "bbox_head.shared_fcs.0.weight": WEIGHT,
        "grid_head.deconv1.weight": WEIGHT,
    }

    current = with_current_names(v1)

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


@pytest.mark.parametrize(
    ("meta", "names"),
    [
        ({"CLASSES": ("cat", "dog")}, ("cat", "dog")),
        ({"CLASSES": ["cat", "dog"]}, ("cat", "dog")),
        ({"CLASSES": "cat"}, ("cat",)),
        ({"dataset_meta": {"classes": ("cat",)}}, ("cat",)),
        ({"dataset_meta": {"CLASSES": ("cat",)}}, ("cat",)),
        ({"dataset_meta": {"palette": []}, "CLASSES": ("dog",)}, ("dog",)),
        ({"CLASSES": None}, None),
        ({"CLASSES": ()}, None),
        ({"CLASSES": (1, 2)}, None),
        ({"dataset_meta": "coco"}, None),
        ({}, None),
    ],
)
def test_class_names_are_found_where_each_version_notes_them(
    meta: Mapping[str, object], names: tuple[str, ...] | None
) -> None:
    assert class_names_in(meta) == names
