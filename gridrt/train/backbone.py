"""The backbone to start from: weights that were trained to classify images, and stages that keep them."""

from __future__ import annotations

from pathlib import Path

from gridrt.errors import CheckpointError, GridRTError
from gridrt.model.checkpoint import read_weights
from gridrt.model.checkpoint.fit import compare
from gridrt.model.grid_rcnn import GridRCNN

PREFIX = "backbone."
CLASSIFIER = "fc."  # of torchvision's ResNets, and of many others'


def load_backbone(model: GridRCNN, path: Path) -> None:
    """Put weights into the backbone, in place.

    Args:
        model: what to put them into.
        path: a ResNet by torchvision's names, with or without its classifier; or a detector by mmdetection's, of which
            only the backbone is taken.

    Raises:
        CheckpointError: the file cannot be read, or is of another backbone.
    """
    found = read_weights(path).state_dict
    if any(name.startswith(PREFIX) for name in found):
        found = {name.removeprefix(PREFIX): tensor for name, tensor in found.items() if name.startswith(PREFIX)}
    found = {name: tensor for name, tensor in found.items() if not name.startswith(CLASSIFIER)}
    misfit = compare(model.backbone.state_dict(), found)
    if misfit:
        raise CheckpointError(
            f"weights of the backbone must have the names and shapes of {model.variant}'s",
            place=path,
            value=misfit,
        )
    model.backbone.load_state_dict(found, strict=False)  # BatchNorm's step counters may be missing


def refuse_frozen_noise(model: GridRCNN) -> None:
    """Refuse to freeze weights that were never trained.

    Raises:
        GridRTError: stages of the backbone are frozen.
    """
    if not all(weight.requires_grad for weight in model.backbone.parameters()):
        raise GridRTError(
            f"frozen stages of {model.variant} need trained weights",
            remedy="Give them with --backbone-weights, or train all stages with --frozen-stages 0.",
        )
