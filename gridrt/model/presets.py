"""The variants of the detector, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from gridrt.classes import names_for
from gridrt.config import GridTrainConfig, ProposalConfig, RoITrainConfig, RPNTrainConfig, SampleConfig
from gridrt.errors import GridRTError
from gridrt.model.bbox_head import BBoxHead, RegressingBBoxHead
from gridrt.model.box_roi_head import BoxRoIHead
from gridrt.model.fpn import FPN
from gridrt.model.grid_head import GridHead
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.grid_roi_head import GridRoIHead
from gridrt.model.resnet import ResNet, group_norm
from gridrt.model.roi_head import RoIHead
from gridrt.model.rpn_head import RPNHead

SecondStage: TypeAlias = Callable[[int], RoIHead]
"""Builds an RoI head for a number of classes."""

# The small detectors learn from fewer boxes at a time: on a CPU, more iterations in the same time teach more.
_FEW_PROPOSALS = RPNTrainConfig(proposals=ProposalConfig(candidates_per_level=500, max_proposals=500))
_FEW_ROIS = RoITrainConfig(sample=SampleConfig(count=128, positive_fraction=0.25))
_FEW_GRIDS = GridTrainConfig(max_rois=96)


def published(
    num_classes: int, *, variant: str, second_stage: SecondStage, layer3: int, groups: int = 1, base_width: int = 64
) -> GridRCNN:
    """A published variant: with the same second stage they differ only in the backbone."""
    backbone = ResNet((3, 4, layer3, 3), groups=groups, base_width=base_width, frozen_stages=1)
    return GridRCNN(
        backbone,
        FPN(backbone.channels),
        RPNHead(),
        second_stage(num_classes),
        variant=variant,
        class_names=names_for(num_classes),
    )


def tiny(num_classes: int, *, variant: str, second_stage: SecondStage) -> GridRCNN:
    """Under three million parameters and no batch statistics: trains from scratch on a CPU."""
    backbone = ResNet((1, 1, 2, 1), norm=group_norm, stem_channels=24)
    return GridRCNN(
        backbone,
        FPN(backbone.channels, channels=64),
        RPNHead(channels=64, train_config=_FEW_PROPOSALS),
        second_stage(num_classes),
        variant=variant,
        class_names=names_for(num_classes),
    )


def _grid(num_classes: int) -> GridRoIHead:
    return GridRoIHead(BBoxHead(num_classes), GridHead())


def _small_grid(num_classes: int) -> GridRoIHead:
    return GridRoIHead(
        BBoxHead(num_classes, channels=64, hidden=128),
        GridHead(in_channels=64, convs=4, point_channels=16),
        train_config=_FEW_ROIS,
        grid_train_config=_FEW_GRIDS,
    )


def _box(num_classes: int) -> BoxRoIHead:
    return BoxRoIHead(RegressingBBoxHead(num_classes))


def _small_box(num_classes: int) -> BoxRoIHead:
    return BoxRoIHead(RegressingBBoxHead(num_classes, channels=64, hidden=128), train_config=_FEW_ROIS)


_resnext = partial(published, second_stage=_grid, layer3=23, base_width=4)

PRESETS: Mapping[str, Callable[[int], GridRCNN]] = {
    "r50": partial(published, variant="r50", second_stage=_grid, layer3=6),
    "r101": partial(published, variant="r101", second_stage=_grid, layer3=23),
    "x101_32x4d": partial(_resnext, variant="x101_32x4d", groups=32),
    "x101_64x4d": partial(_resnext, variant="x101_64x4d", groups=64),
    "tiny": partial(tiny, variant="tiny", second_stage=_small_grid),
    # Faster R-CNN, to measure what the grid gains: the same but for the second stage.
    "faster_r50": partial(published, variant="faster_r50", second_stage=_box, layer3=6),
    "faster_tiny": partial(tiny, variant="faster_tiny", second_stage=_small_box),
}


BASELINES = frozenset(("faster_r50", "faster_tiny"))
"""The variants without a grid head, which cannot be exported."""


def build(variant: str, num_classes: int = 80) -> GridRCNN:
    """A detector by its name, with random weights.

    Raises:
        GridRTError: there is no such variant.
    """
    if variant not in PRESETS:
        raise GridRTError(f"the variant must be one of {', '.join(PRESETS)}", value=variant)
    return PRESETS[variant](num_classes)
