"""The detectors that have a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from gridrt.classes import names_for
from gridrt.errors import GridRTError
from gridrt.model.bbox_head import BBoxHead
from gridrt.model.fpn import FPN
from gridrt.model.grid_head import GridHead
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.resnet import ResNet, group_norm
from gridrt.model.roi_head import GridRoIHead
from gridrt.model.rpn_head import RPNHead


def published(num_classes: int, *, variant: str, layer3: int, groups: int = 1, base_width: int = 64) -> GridRCNN:
    """A published variant: they differ in the backbone alone."""
    backbone = ResNet((3, 4, layer3, 3), groups=groups, base_width=base_width, frozen_stages=1)
    return GridRCNN(
        backbone,
        FPN(backbone.channels),
        RPNHead(),
        GridRoIHead(BBoxHead(num_classes), GridHead()),
        variant=variant,
        class_names=names_for(num_classes),
    )


def tiny(num_classes: int) -> GridRCNN:
    """Under three million parameters and no batch statistics: trains from scratch on a CPU."""
    backbone = ResNet((1, 1, 2, 1), norm=group_norm, stem_channels=24)
    return GridRCNN(
        backbone,
        FPN(backbone.channels, channels=64),
        RPNHead(channels=64),
        GridRoIHead(
            BBoxHead(num_classes, channels=64, hidden=128),
            GridHead(in_channels=64, convs=4, point_channels=16),
        ),
        variant="tiny",
        class_names=names_for(num_classes),
    )


PRESETS: Mapping[str, Callable[[int], GridRCNN]] = {
    "r50": partial(published, variant="r50", layer3=6),
    "r101": partial(published, variant="r101", layer3=23),
    "x101_32x4d": partial(published, variant="x101_32x4d", layer3=23, groups=32, base_width=4),
    "x101_64x4d": partial(published, variant="x101_64x4d", layer3=23, groups=64, base_width=4),
    "tiny": tiny,
}


def build(variant: str, num_classes: int = 80) -> GridRCNN:
    """A detector by its name, with random weights.

    Raises:
        GridRTError: there is no such variant.
    """
    if variant not in PRESETS:
        raise GridRTError("the variant is one of " + ", ".join(PRESETS), value=variant)
    return PRESETS[variant](num_classes)
