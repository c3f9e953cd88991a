"""A training that starts from a trained detector, whatever classes that has."""

from __future__ import annotations

import torch

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.normalize import Normalize
from gridrt.model.presets import build


def start_from(model: GridRCNN, trained: GridRCNN) -> tuple[str, ...]:
    """Copy the weights of a trained detector into `model`, in place, and make it run with the same settings.

    Settings are the normalisation of pixels and the options of proposals and detections. Layers whose size follows
    from the number of classes are copied only if both have the same classes in the same order: elsewhere each of their
    rows would stand for another class.

    Args:
        model: initialized, with the classes to learn.
        trained: the same variant.

    Returns:
        The names of the weights that stay as they were initialized.
    """
    model.normalize = Normalize(trained.normalize.pixels)
    model.rpn_head.proposals = trained.rpn_head.proposals
    model.roi_head.detections = trained.roi_head.detections
    new = () if trained.class_names == model.class_names else _weights_by_class(model)
    model.load_state_dict({name: x for name, x in trained.state_dict().items() if name not in new}, strict=False)
    return new


def _weights_by_class(model: GridRCNN) -> tuple[str, ...]:
    """The weights that another number of classes gives another shape."""
    with torch.device("meta"):
        other = build(model.variant, len(model.class_names) + 1).state_dict()
    return tuple(name for name, weight in model.state_dict().items() if weight.shape != other[name].shape)
