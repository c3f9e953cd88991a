"""Layouts of checkpoints, brought to one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from gridrt.errors import CheckpointError
from gridrt.model.checkpoint.layout import TRAINING_STATE, state_dict_and_meta

WEIGHT = torch.arange(6.0).reshape(3, 2)
PLACE = Path("w.pth")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("content", "meta"),
    [
        ({"a": WEIGHT}, {}),
        (OrderedDict(a=WEIGHT), {}),
        ({"state_dict": {"a": WEIGHT}}, {}),
        ({"state_dict": {"a": WEIGHT}, "meta": None}, {}),
        ({"state_dict": {"a": WEIGHT}, "meta": {"epoch": 3}, "optimizer": {"state": {}}}, {"epoch": 3}),
        ({"state_dict": {"a": WEIGHT}, "meta": {"epoch": 3}, "message_hub": {}, "param_schedulers": []}, {"epoch": 3}),
        ({"model": {"a": WEIGHT}, "optimizer": {}, "epoch": 3}, {}),
        ({"ema": {"module": {"a": WEIGHT}, "updates": 9}}, {}),
        ({"state_dict": {"a": WEIGHT}, "ema": {"decay": 0.99}, "model": None}, {}),
        ({"state_dict": {"a": WEIGHT}, "ema_state_dict": {"steps": torch.tensor(9), "module.a": -WEIGHT}}, {}),
    ],
)
def test_a_state_dict_is_found_alone_or_in_a_checkpoint(content: object, meta: Mapping[str, object]) -> None:
    assert state_dict_and_meta(content, PLACE) == ({"a": WEIGHT}, meta)


@pytest.mark.parametrize("average", ["state_dict_ema", "ema"])
def test_of_several_state_dicts_the_average_is_used_and_the_choice_is_announced(average: str) -> None:
    content = {"state_dict": {"a": WEIGHT}, average: {"a": -WEIGHT}}

    with pytest.warns(UserWarning, match=rf"w\.pth: .*`{average}`; .*`state_dict`"):
        state_dict, _ = state_dict_and_meta(content, PLACE)
    assert torch.equal(state_dict["a"], -WEIGHT)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ([WEIGHT], "found a list"),
        ({}, "found a dict"),
        ({"epoch": 3, "optimizer": {}}, "found keys epoch, optimizer"),
        ({"state_dict": {}}, "found keys state_dict"),
        ({"a": WEIGHT, "b": 1, 2: WEIGHT}, "found b, 2"),
        ({"a": WEIGHT, "b": WEIGHT.to_sparse()}, "found b"),
        ({"a": WEIGHT, "b": WEIGHT.to("meta")}, "found b"),
        ({"a": WEIGHT, "b": WEIGHT.to(torch.complex64)}, "found b"),
    ],
)
def test_other_content_is_refused_by_what_it_holds(content: object, found: str) -> None:
    with pytest.raises(CheckpointError, match=rf"w\.pth: .*\({found}\)"):
        state_dict_and_meta(content, PLACE)


def test_a_training_state_is_refused_and_the_weights_beside_it_are_named() -> None:
    content = {"kind": TRAINING_STATE, "progress": {}, "class_names": ("cat",), "model": {"a": WEIGHT}}

    with pytest.raises(CheckpointError, match=r"training state.*last\.pth"):
        state_dict_and_meta(content, PLACE)
