"""The results of a detector's stages, and the protocol of what runs each stage from given ones.

Shapes, of one image: H x W pixels, A anchors per cell, R proposal rows, D detection rows, K of them in the grid branch,
P grid points, S heatmap side.
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
    """The results of the convolutions on an image.

    Attributes:
        input: float32 [1, 3, H, W], normalised.
        backbone: C2..C5, float32 [1, C_l, H_l, W_l] each.
        pyramid: P2..P6, float32 [1, C, H_l, W_l] each.
        objectness: logits of every level, float32 [1, A, H_l, W_l] each.
        deltas: of every level, float32 [1, 4A, H_l, W_l] each.
    """

    input: Float32Array
    backbone: tuple[Float32Array, ...]
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
        features: up to the maps of the RPN.
        proposals: from those maps.
        scores: class probabilities of the proposals, float32 [1, R, classes]; 0 in unused rows.
        selected: detections before the grid branch: the proposals that remain after suppression.
        heatmaps: logits of the detections in the grid branch, float32 [K, P, S, S]; used rows come first.
        detections: with the boxes that the grid votes for.
    """

    features: Features
    proposals: ProposalRows
    scores: Float32Array
    selected: RawDetections
    heatmaps: Float32Array
    detections: RawDetections


class StageRunner(Protocol):
    """A detector cut where it selects, so that each stage can receive the selections of another detector.

    `batch` is always the one image that all other arguments belong to.
    """

    def features(self, batch: Batch) -> Features:
        """From the pixels to the maps of the RPN."""
        ...

    def propose(self, batch: Batch, features: Features) -> ProposalRows:
        """Proposals of objectness and deltas."""
        ...

    def score(self, batch: Batch, features: Features, proposals: ProposalRows) -> Float32Array:
        """Class probabilities of proposals."""
        ...

    def suppress(self, batch: Batch, proposals: ProposalRows, scores: Float32Array) -> RawDetections:
        """Detections before the grid branch."""
        ...

    def heatmaps(self, batch: Batch, features: Features, selected: RawDetections) -> Float32Array:
        """Heatmap logits, at least of the used detections."""
        ...

    def locate(self, batch: Batch, selected: RawDetections, heatmaps: Float32Array) -> RawDetections:
        """Detections with the boxes that heatmaps vote for, as many as `heatmaps` of this detector gives."""
        ...


def run_stages(stages: StageRunner, batch: Batch) -> Trace:
    """All stages on one image, each with the results of the one before."""
    features = stages.features(batch)
    proposals = stages.propose(batch, features)
    scores = stages.score(batch, features, proposals)
    selected = stages.suppress(batch, proposals, scores)
    heatmaps = stages.heatmaps(batch, features, selected)
    return Trace(features, proposals, scores, selected, heatmaps, stages.locate(batch, selected, heatmaps))
