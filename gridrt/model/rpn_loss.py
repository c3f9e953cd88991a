"""The losses of the region proposal network: for each image over a few anchors on objects and a few on background.

Shapes: B images, N anchors of all levels, G objects of an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gridrt import processes
from gridrt.config import RPNTrainConfig
from gridrt.ops.assign import assign
from gridrt.ops.boxes import encode_deltas
from gridrt.ops.randomness import Randomness
from gridrt.ops.sample import sample
from gridrt.types import GroundTruth


class AnchorSamples(NamedTuple):
    """The anchors of one image that the losses are computed on."""

    positive: Tensor  # int64 [P], index into the anchors of all levels
    negative: Tensor  # int64 [Q], likewise
    objects: Tensor  # float32 [P, 4], the true box of each positive anchor


def sample_anchors(
    anchors: Tensor, image_size: Tensor, truth: GroundTruth, config: RPNTrainConfig, randomness: Randomness
) -> AnchorSamples:
    """Assign and draw among the anchors that lie within the image.

    Args:
        anchors: float32 [N, 4] of all levels, xyxy.
        image_size: int32 [2], (height, width) without padding.
        truth: of the image.
        config: how to assign, and how many to draw.
        randomness: for the draw.
    """
    inside = inside_image(anchors, image_size).nonzero().flatten()
    assigned = assign(anchors[inside], truth.boxes, config.assign)
    drawn = sample(assigned, config.sample, randomness)
    return AnchorSamples(inside[drawn.positive], inside[drawn.negative], truth.boxes[assigned[drawn.positive]])


def inside_image(anchors: Tensor, image_size: Tensor) -> Tensor:
    """Whether an anchor lies within the image, its far border excluded: float32 [N, 4] -> bool [N].

    Anchors of cells in the padding never do: their centres lie beyond the border.
    """
    return (anchors[:, :2] >= 0).all(1) & (anchors[:, 2:] < image_size.flip(0)).all(1)


def rpn_losses(
    logits: Tensor, deltas: Tensor, anchors: Tensor, samples: Sequence[AnchorSamples], config: RPNTrainConfig
) -> dict[str, Tensor]:
    """Objectness and box losses, each summed over anchors and divided by how many anchors were drawn.

    With several training processes, by the mean of how many each of them drew.

    Args:
        logits: float32 [B, N].
        deltas: float32 [B, N, 4].
        anchors: float32 [N, 4].
        samples: per image.
        config: the shape of the box loss.
    """
    drawn = processes.mean(sum(max(len(image.positive), 1) + max(len(image.negative), 1) for image in samples))
    positive = torch.cat([row[image.positive] for row, image in zip(logits, samples, strict=True)])
    negative = torch.cat([row[image.negative] for row, image in zip(logits, samples, strict=True)])
    labels = torch.cat((torch.ones_like(positive), torch.zeros_like(negative)))
    objectness_loss = F.binary_cross_entropy_with_logits(torch.cat((positive, negative)), labels, reduction="sum")

    predicted = torch.cat([row[image.positive] for row, image in zip(deltas, samples, strict=True)])
    start = torch.cat([anchors[image.positive] for image in samples])
    wanted = encode_deltas(start, torch.cat([image.objects for image in samples]))
    box_loss = F.smooth_l1_loss(predicted, wanted, reduction="sum", beta=config.smooth_l1_beta)
    return {"loss_rpn_cls": objectness_loss / drawn, "loss_rpn_bbox": box_loss / drawn}
