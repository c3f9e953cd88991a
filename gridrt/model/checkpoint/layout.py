"""Checkpoint layouts: which of a file's dicts is the state dict, and which its metadata."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from gridrt.errors import CheckpointError
from gridrt.formatting import listed

StateDict: TypeAlias = dict[str, Tensor]
Meta: TypeAlias = Mapping[str, Any]

TRAINING_STATE = "gridrt training state"
"""The `kind` of the files that a training resumes from."""

# Averaged weights come first: where a file has both, the tools that wrote it run the average.
_CONTAINERS = ("state_dict_ema", "ema", "state_dict", "model", "module")


def state_dict_and_meta(content: object, place: Path) -> tuple[StateDict, Meta]:
    """The state dict in a checkpoint, and the `meta` beside it, as mmdetection writes them ({} if there is no `meta`).

    A state dict may stand alone or under one of the usual keys, which may be nested. Where there are several, a warning
    says which one is used.

    Raises:
        CheckpointError: `content` has no state dict, or one with a value that is not a dense tensor.
    """
    if not isinstance(content, dict) or not content:
        raise _no_state_dict(place, f"a {type(content).__name__}")
    if content.get("kind") == TRAINING_STATE:
        raise _no_state_dict(place, "a training state", remedy="Use last.pth or best.pth beside it.")
    found = _state_dicts_in(content)
    if not found:
        raise _no_state_dict(place, f"keys {listed([str(key) for key in content])}")
    (used, state_dict), *others = found.items()
    if others:
        left_out = ", ".join(f"`{key}`" for key, _ in others)
        warnings.warn(f"{place}: uses the weights under `{used}`; left out: {left_out}", stacklevel=3)
    strangers = [str(name) for name, value in state_dict.items() if not isinstance(name, str) or not _is_dense(value)]
    if strangers:
        raise CheckpointError("a state dict must map names to dense tensors", place=place, value=listed(strangers))
    meta = content.get("meta") if state_dict is not content else None
    return dict(state_dict), meta if isinstance(meta, dict) else {}


def _state_dicts_in(content: object) -> dict[str, dict[Any, Any]]:
    """State dicts by the dotted path of keys that leads to each, the preferred one first."""
    if not isinstance(content, dict):
        return {}
    nested = {
        f"{key}.{rest}".rstrip("."): state_dict
        for key in _CONTAINERS
        for rest, state_dict in _state_dicts_in(content.get(key)).items()
    }
    if nested or not any(isinstance(value, Tensor) for value in content.values()):
        return nested
    return {"": content}


def _no_state_dict(
    place: Path, value: str, remedy: str = "Save model.state_dict() with torch.save."
) -> CheckpointError:
    return CheckpointError(
        f"weights must be a state dict, alone or under one of the keys {', '.join(_CONTAINERS)}",
        place=place,
        value=value,
        remedy=remedy,
    )


def _is_dense(value: object) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout is torch.strided
        and not (value.is_quantized or value.is_meta or value.is_complex())
    )
