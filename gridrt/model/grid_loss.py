"""The loss of the grid branch, on jittered RoIs that are on objects.

Shapes: K RoIs, P grid points (9), S heatmap side.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from gridrt import processes
from gridrt.ops.randomness import Randomness


def jitter(boxes: Tensor, image_size: Tensor, amplitude: float, randomness: Randomness) -> Tensor:
    """Move and resize boxes a little at random, so that the grid learns to correct boxes as loose as proposals are.

    Args:
        boxes: float32 [K, 4], xyxy.
        image_size: int32 [2], (height, width); the result lies within the last row and column.
        amplitude: boxes are moved and resized by up to this share of their size.
        randomness: asked for [K, 4] numbers: shift in x and y, growth in width and height.

    Returns:
        float32 [K, 4], xyxy.
    """
    shift, growth = randomness.uniform((len(boxes), 4), -amplitude, amplitude).to(boxes.device).split(2, 1)
    size = boxes[:, 2:] - boxes[:, :2]
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 + size * shift
    half = size * (1 + growth) / 2
    limit = (image_size.flip(0) - 1).repeat(2).to(boxes.dtype)
    return torch.cat((centre - half, centre + half), 1).clamp(min=0).minimum(limit)


def grid_loss(fused: Tensor, unfused: Tensor, targets: Tensor) -> Tensor:
    """Mean binary cross entropy over all cells, of the heatmaps with fusion and of those without, added.

    Where several processes train together, the sum is divided by how many cells each of them has on average.

    Args:
        fused: logits, float [K, P, S, S].
        unfused: likewise.
        targets: 0 and 1, float32 [K, P, S, S].
    """
    both = torch.stack((fused, unfused)).float()
    loss = F.binary_cross_entropy_with_logits(both, targets.expand_as(both), reduction="sum")
    # Without RoIs the loss is 0, where a mean would be 0/0.
    return loss / (processes.mean(targets.numel()) or 1)
