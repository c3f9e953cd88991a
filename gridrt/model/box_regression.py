"""The box branch of Faster R-CNN: for each class, deltas that move an RoI onto the object.

Shapes: B images, R proposal rows, K RoIs, C classes, P RoIs on objects.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from gridrt import processes
from gridrt.model.roi_loss import RoISamples, roi_labels
from gridrt.ops.boxes import clip_boxes, decode_deltas, encode_deltas

DELTA_STDS = (0.1, 0.1, 0.2, 0.2)
"""Standard deviations of (dx, dy, dw, dh): deltas are learned in these units, so that all weigh the same."""


def encode_boxes(rois: Tensor, objects: Tensor) -> Tensor:
    """The target of the branch for `rois` that are on `objects`: float32 [..., 4] and [..., 4] -> [..., 4]."""
    return encode_deltas(rois, objects) / rois.new_tensor(DELTA_STDS)


def decode_boxes(rois: Tensor, predicted: Tensor) -> Tensor:
    """Move `rois` as predicted.

    decode_boxes(rois, encode_boxes(rois, objects)) == objects, while no side changes by more than 1000/16.

    Args:
        rois: float32 [..., 4], xyxy.
        predicted: float [..., 4].

    Returns:
        float32 [..., 4], xyxy, not clipped.
    """
    return decode_deltas(rois, predicted * rois.new_tensor(DELTA_STDS))


def class_boxes(proposals: Tensor, predicted: Tensor, image_sizes: Tensor) -> Tensor:
    """The box of each class for each proposal, clipped to the image.

    Args:
        proposals: float32 [B, R, 4], xyxy.
        predicted: float [B * R, C, 4].
        image_sizes: int32 [B, 2], (height, width).

    Returns:
        float32 [B, R * C, 4], xyxy; the classes of a proposal follow each other.
    """
    boxes = decode_boxes(proposals.unsqueeze(2), predicted.unflatten(0, proposals.shape[:2]))  # [B, R, C, 4]
    return clip_boxes(boxes.flatten(1, 2), image_sizes)


def box_loss(predicted: Tensor, samples: Sequence[RoISamples]) -> Tensor:
    """L1 of the true class's deltas, summed over the RoIs on objects and divided by how many RoIs were sampled.

    Where several processes train together, by how many each of them sampled on average.

    Args:
        predicted: float32 [K, C, 4]; for each image its positives, then its negatives.
        samples: per image.
    """
    classes = predicted.shape[1]
    labels = roi_labels(samples, background=classes)
    on_object = (labels < classes).nonzero().flatten()  # [P]
    wanted = encode_boxes(
        torch.cat([image.positive for image in samples]), torch.cat([image.objects for image in samples])
    )
    # With nothing sampled the loss is 0, where a mean would be 0/0.
    loss = F.l1_loss(predicted[on_object, labels[on_object]], wanted, reduction="sum")
    return loss / (processes.mean(len(predicted)) or 1)
