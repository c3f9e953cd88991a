"""What lies between the pixels and the boxes of a detector, and who can show it.

Shapes, of one image: H x W pixels, A anchors per cell, R proposal rows, D detection rows, K of those worked on, P grid
points, S heatmap side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gridrt.data.transform import Batch
from gridrt.types import Float32Array, RawDetections

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Features:
    """What the convolutions make of an image.

    Attributes:
        input: float32 [1, 3, H, W], normalised.
        pyramid: P2..P6, float32 [1, C, H_l, W_l] each.
        objectness: logits of every level, float32 [1, A, H_l, W_l] each.
        deltas: of every level, float32 [1, 4A, H_l, W_l] each.
    """

    input: Float32Array
    pyramid: tuple[Float32Array, ...]
    objectness: tuple[Float32Array, ...]
    deltas: tuple[Float32Array, ...]


@dataclass(frozen=True)
class ProposalRows:
    """Proposals of an image, best first.

    Attributes:
        boxes: float32 [1, R, 4] xyxy pixels; zeros in unused rows.
        used: bool [1, R].
    """

    boxes: Float32Array
    used: BoolArray


@dataclass(frozen=True)
class Trace:
    """All stages of one image.

    Attributes:
        features: up to the maps of the region proposal network.
        proposals: made of those maps.
        scores: class probabilities of the proposals, float32 [1, R, classes]; 0 in unused rows.
        selected: detections before the grid: the proposals that are left after suppression.
        heatmaps: logits of the detections that are worked on, float32 [K, P, S, S]; used rows come first.
        detections: with the boxes that the grid votes for.
    """

    features: Features
    proposals: ProposalRows
    scores: Float32Array
    selected: RawDetections
    heatmaps: Float32Array
    detections: RawDetections


class StageRunner(Protocol):
    """A detector taken apart where it selects, so that each part can be fed with what another detector selected.

    `batch` is always the one image that all else belongs to.
    """

    def features(self, batch: Batch) -> Features:
        """From the pixels to the maps of the region proposal network."""
        ...

    def propose(self, batch: Batch, features: Features) -> ProposalRows:
        """Proposals of objectness and deltas."""
        ...

    def score(self, batch: Batch, features: Features, proposals: ProposalRows) -> Float32Array:
        """Class probabilities of proposals."""
        ...

    def suppress(self, batch: Batch, proposals: ProposalRows, scores: Float32Array) -> RawDetections:
        """Detections before the grid."""
        ...

    def heatmaps(self, batch: Batch, features: Features, selected: RawDetections) -> Float32Array:
        """Heatmap logits of detections, of at least those that are used."""
        ...

    def locate(self, batch: Batch, selected: RawDetections, heatmaps: Float32Array) -> RawDetections:
        """Detections with the boxes that heatmaps vote for, as many as `heatmaps` of this detector gives."""
        ...
