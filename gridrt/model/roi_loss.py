"""The sampled RoIs that the second stage learns from, with any box branch, and the loss of their classes.

Shapes: N proposals, G objects, S sampled RoIs of an image, P of them positive; K RoIs of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gridrt import processes
from gridrt.config import RoITrainConfig
from gridrt.ops.assign import assign
from gridrt.ops.randomness import Randomness
from gridrt.ops.sample import sample
from gridrt.types import GroundTruth


class RoISamples(NamedTuple):
    """The RoIs of one image that are learned from, those on objects and those on background."""

    positive: Tensor  # float32 [P, 4], xyxy
    negative: Tensor  # float32 [S - P, 4]
    objects: Tensor  # float32 [P, 4], the true box of each positive
    labels: Tensor  # int64 [P], its class


def sample_rois(proposals: Tensor, truth: GroundTruth, config: RoITrainConfig, randomness: Randomness) -> RoISamples:
    """Assign the proposals, and draw among them and the true boxes, which come first, each assigned to itself.

    Args:
        proposals: float32 [N, 4], xyxy.
        truth: of the image.
        config: how to assign, and how many to draw.
        randomness: for the draw.
    """
    themselves = torch.arange(len(truth.boxes), device=proposals.device)
    assigned = torch.cat((themselves, assign(proposals, truth.boxes, config.assign)))
    drawn = sample(assigned, config.sample, randomness)
    boxes, index = torch.cat((truth.boxes, proposals)), assigned[drawn.positive]
    return RoISamples(boxes[drawn.positive], boxes[drawn.negative], truth.boxes[index], truth.labels[index])


def class_loss(logits: Tensor, samples: Sequence[RoISamples]) -> Tensor:
    """Mean cross entropy over all sampled RoIs.

    Where several processes train together, the sum is divided by how many each of them sampled on average.

    Args:
        logits: float32 [K, classes + 1], background last; for each image its positives, then its negatives.
        samples: per image.
    """
    labels = roi_labels(samples, background=logits.shape[1] - 1)
    # With nothing sampled the loss is 0, where a mean would be 0/0.
    return F.cross_entropy(logits, labels, reduction="sum") / (processes.mean(len(logits)) or 1)


def roi_labels(samples: Sequence[RoISamples], background: int) -> Tensor:
    """Classes of all sampled RoIs, for each image its positives, then its negatives: int64 [K]."""
    return torch.cat([F.pad(image.labels, (0, len(image.negative)), value=background) for image in samples])
