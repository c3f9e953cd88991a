"""A model from a weights file: the variant, the class count and the class names are read off the file."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from gridrt.classes import names_for
from gridrt.errors import CheckpointError
from gridrt.model.checkpoint.fit import Misfit, may_be_missing, nearest_model
from gridrt.model.checkpoint.layout import StateDict
from gridrt.model.checkpoint.listing import listed
from gridrt.model.checkpoint.read import WeightsFile, read_weights
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.zoo import locate


def load_model(path_or_name: str | Path, *, trust_checkpoint: bool = False) -> GridRCNN:
    """The detector in a weights file, float32, on the CPU, in eval mode.

    Args:
        path_or_name: a file of mmdetection 1.x to 3.x, of GridRT, a bare state dict or safetensors; or a name of
            `gridrt.model.zoo` (`r50`, `tiny_bccd`, ...); published weights are fetched once.
        trust_checkpoint: unpickle any class that the file names. That can run any code its author wrote.

    Raises:
        CheckpointError: the file cannot be read or trusted, fits no variant, or holds numbers that are not finite.
    """
    weights = read_weights(locate(path_or_name), trust_checkpoint=trust_checkpoint)
    model, misfit = nearest_model(weights.state_dict)
    if misfit:
        raise _fits_no_variant(weights, model, misfit)
    state_dict = _as_expected(weights.state_dict, model.state_dict())
    _refuse_non_finite(state_dict, weights.path)
    model.load_state_dict(state_dict, assign=True)
    model.class_names = _class_names(weights, len(model.class_names))
    model.scale = weights.scale
    return model.eval()


def _fits_no_variant(weights: WeightsFile, nearest: GridRCNN, misfit: Misfit) -> CheckpointError:
    return CheckpointError(
        "weights must have the names and shapes of a Grid R-CNN or Faster R-CNN",
        place=weights.path,
        value=f"nearest is {nearest.variant} with {len(nearest.class_names)} classes, but {misfit}",
    )


def _as_expected(found: StateDict, expected: Mapping[str, Tensor]) -> StateDict:
    """The tensors of `found` as the model keeps them: float32, contiguous, step counters filled in.

    `found` is emptied on the way, so that half-precision weights and their float32 copies are not held together.
    """
    return {name: _take(found, name, like) for name, like in expected.items()}


def _take(found: StateDict, name: str, like: Tensor) -> Tensor:
    if name not in found and may_be_missing(name):
        return torch.zeros(like.shape, dtype=like.dtype)
    return found.pop(name).to(like.dtype).contiguous()


def _refuse_non_finite(state_dict: StateDict, place: Path) -> None:
    broken = [name for name, tensor in state_dict.items() if not torch.isfinite(tensor).all()]
    if broken:
        raise CheckpointError(
            "weights must be finite numbers",
            place=place,
            value=f"NaN or infinity in {len(broken)} tensors: {listed(broken)}",
            remedy="The training diverged; take an earlier checkpoint.",
        )


def _class_names(weights: WeightsFile, num_classes: int) -> tuple[str, ...]:
    names = weights.class_names
    if names is not None and len(names) != num_classes:
        warnings.warn(
            f"{weights.path} names {len(names)} classes for a model of {num_classes}: the names are ignored",
            stacklevel=3,
        )
        names = None
    return names or names_for(num_classes)
