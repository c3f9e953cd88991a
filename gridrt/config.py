"""The constants of Grid R-CNN, as published; what a preset may change is a field of a dataclass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

DEFAULT_SCALE = (1333, 800)
"""Most pixels on the long and on the short side of a resized image, in the published training."""

ScaleOrigin: TypeAlias = Literal["as asked", "noted", "assumed"]
"""Where a detector's scale comes from: its user, the model file, or in want of both `DEFAULT_SCALE`."""

SIZE_DIVISOR = 32
"""Images are padded to a multiple of this: the stride of the deepest backbone stage."""

PIXEL_MEAN = (123.675, 116.28, 103.53)
PIXEL_STD = (58.395, 57.12, 57.375)
"""Per channel, in RGB order, for pixels in 0..255."""


def scale_in(value: object) -> tuple[int, int] | None:
    """A scale that a file notes, as the two positive numbers of pixels that it has to be; None where it is not."""
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        return None
    long, short = value
    return (long, short) if isinstance(long, int) and isinstance(short, int) and min(long, short) > 0 else None


@dataclass(frozen=True)
class AnchorConfig:
    """Anchors of the region proposal network: one scale and a few shapes per pyramid level."""

    strides: tuple[int, ...] = (4, 8, 16, 32, 64)
    scale: float = 8.0
    ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Height over width."""


@dataclass(frozen=True)
class ProposalConfig:
    """How many anchors become proposals."""

    candidates_per_level: int = 1000
    iou_threshold: float = 0.7
    max_proposals: int = 1000


@dataclass(frozen=True)
class DetectionConfig:
    """How many proposals become detections."""

    score_threshold: float = 0.03
    """A class probability must exceed it."""
    iou_threshold: float = 0.3
    max_detections: int = 100


@dataclass(frozen=True)
class RoiConfig:
    """Where and how finely region features are pooled."""

    strides: tuple[int, ...] = (4, 8, 16, 32)
    """The pyramid levels that are pooled from; the coarser ones serve proposals alone."""
    classify_size: int = 7
    grid_size: int = 14


@dataclass(frozen=True)
class AssignConfig:
    """Which boxes stand for an object and which for the background, by their overlap (IoU) with the ground truth."""

    positive_iou: float
    """A box with at least this stands for the object that it overlaps most."""
    negative_iou: float
    """A box below this with every object is background; one in between is neither."""
    best_match_iou: float
    """The best boxes of an object stand for it from this on, even where they overlap another object more."""


@dataclass(frozen=True)
class SampleConfig:
    """How many boxes of an image are learned from."""

    count: int
    positive_fraction: float
    """At most; the background fills the rest."""


@dataclass(frozen=True)
class RPNTrainConfig:
    """How the region proposal network learns, and what it proposes meanwhile."""

    proposals: ProposalConfig = ProposalConfig(candidates_per_level=2000, max_proposals=2000)
    assign: AssignConfig = AssignConfig(positive_iou=0.7, negative_iou=0.3, best_match_iou=0.3)
    sample: SampleConfig = SampleConfig(count=256, positive_fraction=0.5)
    smooth_l1_beta: float = 1 / 9


@dataclass(frozen=True)
class RoITrainConfig:
    """Which proposals the second stage learns from."""

    assign: AssignConfig = AssignConfig(positive_iou=0.5, negative_iou=0.5, best_match_iou=0.5)
    sample: SampleConfig = SampleConfig(count=512, positive_fraction=0.25)


@dataclass(frozen=True)
class GridTrainConfig:
    """How the grid branch learns."""

    max_rois: int = 192
    """Of a whole batch: the grid head is the costliest part per RoI."""
    jitter: float = 0.15
    """Boxes are moved and resized by up to this part of their size."""
    loss_weight: float = 15.0
