"""The layouts that weights come in, turned into one: a state dict with today's names, and a dict of facts about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from gridrt.config import scale_in
from gridrt.errors import CheckpointError
from gridrt.model.checkpoint.listing import listed

StateDict: TypeAlias = dict[str, Tensor]
Meta: TypeAlias = Mapping[str, object]

SCALE_KEY = "gridrt_scale"
"""Where our own files note which scale of images the model learned from."""

TRAINING_STATE = "gridrt training state"
"""What the files that a training goes on from have under `kind`."""

_V1_CLASSIFIER = "bbox_head.fc_cls"
_V1_PREFIXES = ("bbox_head.", "grid_head.")


def state_dict_and_meta(content: object, place: Path) -> tuple[StateDict, Meta]:
    """Split a checkpoint (`state_dict` beside `meta`, as mmdetection 1.x to 3.x write it) or take a bare state dict.

    Raises:
        CheckpointError: there is no state dict in `content`, or one with something else than dense tensors in it.
    """
    if not isinstance(content, dict) or not content:
        raise _no_state_dict(place, f"a {type(content).__name__}")
    if content.get("kind") == TRAINING_STATE:
        raise _no_state_dict(place, "a training state", remedy="Take last.pth or best.pth beside it.")
    state_dict = content.get("state_dict", content)
    if not isinstance(state_dict, dict) or not any(isinstance(value, Tensor) for value in state_dict.values()):
        raise _no_state_dict(place, f"keys {listed([str(key) for key in content])}")
    _check_entries(state_dict, place)
    meta = content.get("meta") if state_dict is not content else None
    return dict(state_dict), meta if isinstance(meta, dict) else {}


def _no_state_dict(
    place: Path, value: str, remedy: str = "Save model.state_dict() with torch.save."
) -> CheckpointError:
    return CheckpointError(
        "weights must be a state dict, alone or under the key `state_dict`",
        place=place,
        value=value,
        remedy=remedy,
    )


def _check_entries(state_dict: dict[object, object], place: Path) -> None:
    strangers = [str(name) for name, value in state_dict.items() if not isinstance(name, str) or not _is_dense(value)]
    if strangers:
        raise CheckpointError("a state dict must map names to dense tensors", place=place, value=listed(strangers))


def _is_dense(value: object) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout is torch.strided
        and not (value.is_quantized or value.is_meta or value.is_complex())
    )


def with_current_names(state_dict: StateDict) -> StateDict:
    """The same weights under today's names: without `module.` of a parallel wrapper, and brought up from v1.x."""
    plain = {name.removeprefix("module."): tensor for name, tensor in state_dict.items()}
    return _from_v1(plain) if f"{_V1_CLASSIFIER}.weight" in plain else plain


def _from_v1(state_dict: StateDict) -> StateDict:
    """v1.x had no `roi_head.`, and the background in the first row of the classifier; today it is the last."""
    classifier = {name: tensor for name, tensor in state_dict.items() if name.startswith(_V1_CLASSIFIER)}
    upgraded = state_dict | {name: torch.roll(tensor, -1, dims=0) for name, tensor in classifier.items()}
    return {f"roi_head.{name}" if name.startswith(_V1_PREFIXES) else name: tensor for name, tensor in upgraded.items()}


def class_names_in(meta: Meta) -> tuple[str, ...] | None:
    """Class names as mmdetection 3.x (`dataset_meta`) or 2.x (`CLASSES`) note them; None where there are none."""
    dataset = meta.get("dataset_meta")
    dataset = dataset if isinstance(dataset, dict) else {}
    names = dataset.get("classes") or dataset.get("CLASSES") or meta.get("CLASSES")
    if isinstance(names, str):  # `CLASSES = ("cat")`, the missing comma of many a one-class data set
        return (names,)
    if isinstance(names, (list, tuple)) and names and all(isinstance(name, str) for name in names):
        return tuple(names)
    return None


def scale_in_meta(meta: Meta, place: Path) -> tuple[int, int] | None:
    """The scale that a file notes; None where it notes none.

    Raises:
        CheckpointError: it is no scale.
    """
    if SCALE_KEY not in meta:
        return None
    scale = scale_in(meta[SCALE_KEY])
    if scale is None:
        raise CheckpointError(
            f"`{SCALE_KEY}` must be two positive numbers of pixels", place=place, value=meta[SCALE_KEY]
        )
    return scale
