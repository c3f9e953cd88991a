"""The published constants of Grid R-CNN; those that a preset may change are fields of dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from gridrt.limits import MOST_NOTED_SIDE

DEFAULT_SCALE = (1333, 800)
"""Most pixels on the long and on the short side of a resized image, in the published models."""

ScaleOrigin: TypeAlias = Literal["as asked", "noted", "assumed"]
"""The origin of a detector's scale: the caller, the model file, or `DEFAULT_SCALE` if neither gives one."""

ColourOrder: TypeAlias = Literal["RGB", "BGR"]

SIZE_DIVISOR = 32
"""Images are padded to a multiple of this: the stride of the deepest backbone stage."""


def scale_in(value: object) -> tuple[int, int] | None:
    """The scale in a file's metadata: two integers from 1 to `MOST_NOTED_SIDE`, in pixels; None if it is another."""
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(type(side) is int for side in value):
        return None
    long, short = value
    return (long, short) if min(long, short) > 0 and max(long, short) <= MOST_NOTED_SIDE else None


@dataclass(frozen=True)
class PixelConfig:
    """How pixels in 0..255 become the network's input: (pixel - mean) / std per channel."""

    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)
    order: ColourOrder = "RGB"
    """Of the network's input channels, and so of `mean` and `std`."""


@dataclass(frozen=True)
class AnchorConfig:
    """Anchors of the region proposal network: one scale and a few aspect ratios per pyramid level."""

    strides: tuple[int, ...] = (4, 8, 16, 32, 64)
    scale: float = 8.0
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height over width."""


@dataclass(frozen=True)
class ProposalConfig:
    """Selection of proposals among the anchors."""

    candidates_per_level: int = 1000
    iou_threshold: float = 0.7
    max_proposals: int = 1000


@dataclass(frozen=True)
class DetectionConfig:
    """Selection of detections among the proposals."""

    score_threshold: float = 0.03
    """Class probabilities must exceed it."""
    iou_threshold: float = 0.3
    max_detections: int = 100


@dataclass(frozen=True)
class RoiConfig:
    """Levels and output sizes of RoIAlign."""

    strides: tuple[int, ...] = (4, 8, 16, 32)
    """Of the pyramid levels to pool from; coarser levels are used for proposals only."""
    classify_size: int = 7
    grid_size: int = 14


@dataclass(frozen=True)
class AssignConfig:
    """Thresholds of IoU by which boxes are assigned to objects or to the background."""

    positive_iou: float
    """At or above this, a box is assigned to the object that it overlaps most."""
    negative_iou: float
    """A box below this with every object is background; a box in between is ignored."""
    best_match_iou: float
    """At or above this, the boxes that overlap an object most are assigned to it, even if they overlap another more."""


@dataclass(frozen=True)
class SampleConfig:
    """Sampling of boxes of an image for the loss."""

    count: int
    positive_fraction: float
    """At most; background boxes fill the rest."""


@dataclass(frozen=True)
class RPNTrainConfig:
    """Training of the region proposal network, and its proposals during training."""

    proposals: ProposalConfig = ProposalConfig(candidates_per_level=2000, max_proposals=2000)
    assign: AssignConfig = AssignConfig(positive_iou=0.7, negative_iou=0.3, best_match_iou=0.3)
    sample: SampleConfig = SampleConfig(count=256, positive_fraction=0.5)
    smooth_l1_beta: float = 1 / 9


@dataclass(frozen=True)
class RoITrainConfig:
    """Selection of the proposals that the second stage is trained on."""

    assign: AssignConfig = AssignConfig(positive_iou=0.5, negative_iou=0.5, best_match_iou=0.5)
    sample: SampleConfig = SampleConfig(count=512, positive_fraction=0.25)


@dataclass(frozen=True)
class GridTrainConfig:
    """Training of the grid branch."""

    max_rois: int = 192
    """Per batch, not per image: the grid head costs the most per RoI."""
    jitter: float = 0.15
    """Boxes are shifted and resized by up to this fraction of their size."""
    loss_weight: float = 15.0
