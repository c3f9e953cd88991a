"""A model from a weights file: the variant, the class count and the settings come from the file."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from gridrt.classes import normalized_name
from gridrt.errors import CheckpointError
from gridrt.formatting import listed
from gridrt.limits import LARGEST_WEIGHT
from gridrt.model.checkpoint.fit import Misfit, may_be_missing, nearest_model
from gridrt.model.checkpoint.layout import StateDict
from gridrt.model.checkpoint.mmdet_config import contradictions
from gridrt.model.checkpoint.names import unknown_prefix
from gridrt.model.checkpoint.read import WeightsFile, read_weights
from gridrt.model.checkpoint.stated import describe_foreign_settings, stated_settings
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.zoo import locate


def load_model(
    path_or_name: str | Path, *, trust_checkpoint: bool = False, class_names: Sequence[str] | None = None
) -> GridRCNN:
    """The detector in a weights file, float32, on the CPU, in eval mode.

    It runs as the file states: colour order, mean and std of pixels, scale, class names and thresholds come from
    GridRT's own metadata, or from the config of mmdetection in the checkpoint, which is parsed and never run. A warning
    says what was taken from such a config and what it does not state, and another that class names are assumed.

    Args:
        path_or_name: a file of mmdetection 1.x to 3.x or of GridRT, a bare state dict, safetensors, or the index or a
            shard of those; or a name of `gridrt.model.zoo` (`r50`, `tiny_bccd`, ...). Published weights are downloaded
            once.
        trust_checkpoint: unpickle any class that the file names. That can run any code its author wrote.
        class_names: in the order of the labels; None takes the file's.

    Raises:
        CheckpointError: the file cannot be read or trusted, fits no variant, contradicts it, or holds numbers that are
            not finite; or `class_names` are not as many as its classes, or not different.
    """
    weights = read_weights(locate(path_or_name), trust_checkpoint=trust_checkpoint)
    model, misfit = nearest_model(weights.state_dict, weights.path)
    if misfit:
        raise _fits_no_variant(weights, model, misfit)
    if differences := list(contradictions(weights.config, model)):
        raise CheckpointError(
            "the config in this file must agree with its model",
            place=weights.path,
            value="; ".join(differences),
            remedy="If the config does not belong to these weights, delete 'cfg' or 'config' from the file's 'meta'.",
        )
    state_dict = _as_expected(weights.state_dict, model.state_dict())
    _refuse_non_finite(state_dict, weights.path)
    model.load_state_dict(state_dict, assign=True)
    settings = stated_settings(weights)
    if class_names is not None:
        settings = replace(settings, class_names=_given_names(class_names, len(model.class_names), weights.path))
    if settings.class_names and len(settings.class_names) != len(model.class_names):
        counts = f"{len(settings.class_names)} classes for a model of {len(model.class_names)}"
        warnings.warn(f"{weights.path} names {counts}: the names are ignored", stacklevel=2)
        settings = replace(settings, class_names=None)
    if line := describe_foreign_settings(weights, settings, model):
        warnings.warn(f"{weights.path}: {line}", stacklevel=2)
    if settings.class_names is None:
        assumed = f"{listed(model.class_names)} are assumed; gridrt export --class-names gives others"
        warnings.warn(f"{weights.path}: the file has no class names: {assumed}", stacklevel=2)
    settings.apply(model)
    return model.eval()


def _given_names(names: Sequence[str], count: int, path: Path) -> tuple[str, ...]:
    """The class names that a caller gives, normalised, as many as the model has classes."""
    names = tuple(map(normalized_name, names))
    if len(names) != count or len(set(names)) < count:
        found = f"{len(names)} names, {len(set(names))} of them different: {listed(names)}"
        raise CheckpointError(
            f"class names must be {count} different ones, as for its classes", place=path, value=found
        )
    return names


def _fits_no_variant(weights: WeightsFile, nearest: GridRCNN, misfit: Misfit) -> CheckpointError:
    expected = nearest.state_dict()
    prefix = unknown_prefix(weights.state_dict, expected)
    if prefix and expected.keys().isdisjoint(weights.state_dict):
        return CheckpointError(
            f"names of weights must begin as in {next(iter(expected))}",
            place=weights.path,
            value=f"the prefix `{prefix}` before them",
            remedy="Save the state dict of the detector itself, or remove the prefix from every name.",
        )
    return CheckpointError(
        "weights must have the names and shapes of a Grid R-CNN or Faster R-CNN",
        place=weights.path,
        value=f"nearest is {nearest.variant} with {len(nearest.class_names)} classes, but {misfit}",
    )


def _as_expected(found: StateDict, expected: Mapping[str, Tensor]) -> StateDict:
    """The tensors of `found` as the model keeps them: float32, contiguous, step counters filled in.

    This empties `found`, so that half-precision weights and their float32 copies are not all in memory at once.
    """
    taken = {}
    for name, like in expected.items():
        if name not in found and may_be_missing(name):
            taken[name] = torch.zeros(like.shape, dtype=like.dtype)
        else:
            taken[name] = found.pop(name).to(like.dtype).contiguous()
    return taken


def _refuse_non_finite(state_dict: StateDict, place: Path) -> None:
    largest = {name: float(tensor.abs().max()) if tensor.numel() else 0 for name, tensor in state_dict.items()}
    broken = [name for name, value in largest.items() if not math.isfinite(value)]
    huge = [name for name, value in largest.items() if LARGEST_WEIGHT < value < math.inf]
    for names, what in ((broken, "NaN or infinity"), (huge, f"more than {LARGEST_WEIGHT:.0e}")):
        if names:
            raise CheckpointError(
                "weights must be finite numbers",
                place=place,
                value=f"{what} in {len(names)} tensors: {listed(names)}",
                remedy="The training diverged; use an earlier checkpoint.",
            )
