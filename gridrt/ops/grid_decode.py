"""Grid decode: from nine heatmaps to the four edges of a box.

Shapes: K boxes, P grid points, S heatmap side.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gridrt.ops.grid import POINTS, SIDE, column, row, sub_region_origin


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
    weight, best = logits.flatten(2).sigmoid().max(-1)  # [K, P]
    origin = torch.tensor([sub_region_origin(point, heatmap_size) for point in range(POINTS)], device=logits.device)
    cell = torch.stack((best % heatmap_size, best // heatmap_size), -1) + origin  # [K, P, 2] x, y in the whole map
    size = (boxes[:, 2:] - boxes[:, :2]).unsqueeze(1)  # [K, 1, 2]
    extended_corner = boxes[:, None, :2] - size / 2
    place = (cell + 0.5) / heatmap_size * size + extended_corner  # [K, P, 2] pixels

    left, right = ([p for p in range(POINTS) if column(p) == end] for end in (0, SIDE - 1))
    top, bottom = ([p for p in range(POINTS) if row(p) == end] for end in (0, SIDE - 1))
    edges = ((left, 0), (top, 1), (right, 0), (bottom, 1))
    return torch.stack([_weighted_mean(place[:, points, axis], weight[:, points]) for points, axis in edges], 1)


def _weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """[K, N], [K, N] -> [K]."""
    return (values * weights).sum(1) / weights.sum(1)
