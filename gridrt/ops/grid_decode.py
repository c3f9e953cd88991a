"""Grid decode: from nine heatmaps to the four edges of a box.

No constant comes from the host, so that a GPU's launches can be recorded.

Shapes: K boxes, P grid points, S heatmap side, G points on a side of the grid.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gridrt.ops.grid import SIDE


def grid_decode(logits: Tensor, boxes: Tensor) -> Tensor:
    """Vote the edges of each box with the best cell of every heatmap.

    The map spans the box extended to twice its size about its centre. Each edge is the mean of the three points that
    lie on it, weighted by their probability. Boxes are not clipped, and may come out empty or reversed.

    Args:
        logits: float32 [K, P, S, S].
        boxes: float32 [K, 4], xyxy: the boxes that were pooled, before extension.

    Returns:
        float32 [K, 4], xyxy.
    """
    heatmap_size = logits.shape[-1]
    # Probabilities, not logits: where they saturate, equal ones tie and the first cell wins.
    weight, best = (each.unflatten(1, (SIDE, SIDE)) for each in logits.flatten(2).sigmoid().max(-1))  # [K, G, G]
    origin = torch.arange(SIDE, device=logits.device) * (heatmap_size // 2)  # of the sub-regions along either axis
    column = best % heatmap_size + origin.unsqueeze(1)  # [K, G, G] cell in the whole map; points are numbered down
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
