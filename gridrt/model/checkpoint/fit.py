"""The variant of a state dict: the preset with its names and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from gridrt.errors import CheckpointError
from gridrt.formatting import listed
from gridrt.limits import MOST_CLASSES
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import PRESETS, build

_CLASSIFIER = "roi_head.bbox_head.fc_cls.weight"  # [classes + background, features]
_DEFAULT_NUM_CLASSES = 80


@dataclass(frozen=True)
class Misfit:
    """How a state dict differs from what a model expects; falsy where it does not.

    Attributes:
        missing: names in the model only.
        unexpected: names in the file only.
        misshaped: names in both whose shape or kind of number differs, each with what was found and expected.
    """

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    misshaped: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.missing) + len(self.unexpected) + len(self.misshaped)

    def __str__(self) -> str:
        kinds = (("missing", self.missing), ("unexpected", self.unexpected), ("of another shape", self.misshaped))
        return "; ".join(f"{len(names)} {kind}: {listed(names)}" for kind, names in kinds if names)


def nearest_model(state_dict: Mapping[str, Tensor], place: object = None) -> tuple[GridRCNN, Misfit]:
    """The preset that differs least from `state_dict`, built on the meta device (no memory), and how it differs.

    The class count follows from the classifier, which has one row per class and one for the background; without a
    classifier it is 80. `place` is the file, for errors.

    Raises:
        CheckpointError: there are more than `MOST_CLASSES`.
    """
    classifier = state_dict.get(_CLASSIFIER)
    num_classes = max(len(classifier) - 1, 1) if classifier is not None and classifier.dim() else _DEFAULT_NUM_CLASSES
    if num_classes > MOST_CLASSES:
        raise CheckpointError(
            f"a model must have at most {MOST_CLASSES} classes",
            place=place,
            value=f"{num_classes} in {_CLASSIFIER}",
            remedy="Copy the file again.",
        )
    candidates = []
    for variant in PRESETS:
        model = _without_weights(variant, num_classes)
        candidates.append((model, compare(model.state_dict(), state_dict)))
        if not candidates[-1][1]:
            break
    model, misfit = min(candidates, key=lambda candidate: len(candidate[1]))
    return deepcopy(model), misfit


@lru_cache(maxsize=2 * len(PRESETS))  # a tenth of a second each
def _without_weights(variant: str, num_classes: int) -> GridRCNN:
    with torch.device("meta"):
        return build(variant, num_classes)


def compare(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Misfit:
    """How `found` differs from `expected`, in names, shapes and kinds of numbers. Float dtypes are all one kind."""
    return Misfit(
        missing=tuple(name for name in expected if name not in found and not may_be_missing(name)),
        unexpected=tuple(name for name in found if name not in expected),
        misshaped=tuple(
            f"{name} {_describe(found[name])} instead of {_describe(tensor)}"
            for name, tensor in expected.items()
            if name in found
            and (tensor.shape != found[name].shape or tensor.is_floating_point() != found[name].is_floating_point())
        ),
    )


def may_be_missing(name: str) -> bool:
    """BatchNorm's step counter, which torch before 0.4.1 does not save and inference does not read."""
    return name.endswith(".num_batches_tracked")


def _describe(tensor: Tensor) -> str:
    dtype = "" if tensor.is_floating_point() else f" {str(tensor.dtype).removeprefix('torch.')}"
    return f"{list(tensor.shape)}{dtype}"
