"""Grid decode: from nine heatmaps to the four edges of a box.

It copies no constant from the host, so that a CUDA graph can capture it.

Shapes: K boxes, P grid points, S heatmap side, G points on a side of the grid.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gridrt.ops.grid import SIDE


def grid_decode(logits: Tensor, boxes: Tensor) -> Tensor:
    """Compute the edges of each box from the most probable cell of every heatmap.

    The whole map spans the extended RoI: the box at twice its size, about the same centre. Each edge is the mean of its
    three points, weighted by their probabilities. Boxes are not clipped, and may be empty or reversed.

    Args:
        logits: float32 [K, P, S, S].
        boxes: float32 [K, 4], xyxy, before extension.

    Returns:
        float32 [K, 4], xyxy.
    """
    heatmap_size = logits.shape[-1]
    # The maximum of probabilities, not of logits: saturated probabilities tie, and the first cell wins.
    weight, best = (each.unflatten(1, (SIDE, SIDE)) for each in logits.flatten(2).sigmoid().max(-1))  # [K, G, G]
    origin = torch.arange(SIDE, device=logits.device) * (heatmap_size // 2)  # of the sub-regions, along x and y alike
    column = best % heatmap_size + origin.unsqueeze(1)  # [K, G, G] cell of the whole map; G column, G row
    row = best // heatmap_size + origin
    place = torch.stack((column, row), -1) + 0.5  # [K, G, G, 2]
    size = (boxes[:, 2:] - boxes[:, :2])[:, None, None]  # [K, 1, 1, 2]
    place = place / heatmap_size * size + (boxes[:, None, None, :2] - size / 2)  # pixels

    left, right = (_weighted_mean(place[:, end, :, 0], weight[:, end]) for end in (0, -1))
    top, bottom = (_weighted_mean(place[:, :, end, 1], weight[:, :, end]) for end in (0, -1))
    return torch.stack((left, top, right, bottom), 1)


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """[K, G], [K, G] -> [K]."""
    return (values * weights).sum(1) / weights.sum(1)
