"""Pre-trained weights of the backbone, and the check that frozen stages have them."""

from __future__ import annotations

from pathlib import Path

from gridrt.errors import CheckpointError, GridRTError
from gridrt.model.checkpoint import read_weights
from gridrt.model.checkpoint.fit import compare
from gridrt.model.grid_rcnn import GridRCNN

PREFIX = "backbone."
CLASSIFIER = "fc."  # in torchvision's ResNets and in timm's


def load_backbone(model: GridRCNN, path: Path) -> None:
    """Load weights into the backbone, in place.

    Args:
        model: its backbone is changed.
        path: a ResNet with torchvision's names, with or without its classifier; or a detector with mmdetection's names,
            of which only the backbone is loaded.

    Raises:
        CheckpointError: the file cannot be read, or holds another backbone.
    """
    found = read_weights(path).state_dict
    if any(name.startswith(PREFIX) for name in found):
        found = {name.removeprefix(PREFIX): tensor for name, tensor in found.items() if name.startswith(PREFIX)}
    found = {name: tensor for name, tensor in found.items() if not name.startswith(CLASSIFIER)}
    misfit = compare(model.backbone.state_dict(), found)
    if misfit:
        raise CheckpointError(
            f"the weights must have the names and shapes of the backbone of {model.variant}",
            place=path,
            value=misfit,
        )
    model.backbone.load_state_dict(found, strict=False)  # the step counters of BatchNorm may be missing


def refuse_frozen_noise(model: GridRCNN) -> None:
    """Refuse frozen stages in a backbone without trained weights.

    Raises:
        GridRTError: stages of the backbone are frozen.
    """
    if not all(weight.requires_grad for weight in model.backbone.parameters()):
        raise GridRTError(
            "frozen stages must have trained weights",
            place=model.variant,
            remedy="Give them as `weights` or `backbone_weights`, or train all stages: `frozen_stages` 0.",
        )
