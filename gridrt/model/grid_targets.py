"""The targets of the grid head: for each RoI and grid point, a small cross where the true box has that point.

Shapes: K RoIs, P grid points (9), S heatmap side.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gridrt.ops.grid import POINTS, SIDE, column, row, sub_region_origin

RADIUS = 1
"""Cells from the middle of a cross to its ends."""

LEAST_EXTENT = 3
"""An extended RoI of at most this many pixels on a side is too small to learn from: it gets empty heatmaps."""


def grid_targets(rois: Tensor, objects: Tensor, heatmap_size: int) -> Tensor:
    """Heatmaps of 0 and 1.

    A point's cell is truncated toward zero, so a point less than a cell before the map falls into its first cell.

    Args:
        rois: float32 [K, 4], xyxy, before extension.
        objects: float32 [K, 4], xyxy, the true box of each.
        heatmap_size: S; the map over the extended RoI has twice as many cells on a side.

    Returns:
        float32 [K, P, S, S].
    """
    half = (rois[:, 2:] - rois[:, :2]) / 2
    near, far = rois[:, :2] - half, rois[:, 2:] + half
    extent = (far - near).unsqueeze(1)  # [K, 1, 2]
    cell = ((_grid_points(objects) - near.unsqueeze(1)) / extent * (2 * heatmap_size)).trunc()  # [K, P, 2]
    large = (extent > LEAST_EXTENT).all(-1)  # [K, 1]
    return (_crosses(cell, heatmap_size) & large[..., None, None]).to(rois.dtype)


def _grid_points(boxes: Tensor) -> Tensor:
    """The grid points of boxes: [K, 4] -> [K, P, 2] x, y."""
    places = [(column(point), row(point)) for point in range(POINTS)]
    fraction = torch.tensor(places, dtype=boxes.dtype, device=boxes.device) / (SIDE - 1)  # [P, 2]
    return boxes[:, None, :2] * (1 - fraction) + boxes[:, None, 2:] * fraction


def _crosses(cell: Tensor, size: int) -> Tensor:
    """Crosses around cells of the whole map, as each point's sub-region shows them: [K, P, 2] -> bool [K, P, S, S]."""
    origins = [sub_region_origin(point, size) for point in range(POINTS)]
    places = torch.arange(size, device=cell.device)[:, None] + torch.tensor(origins, device=cell.device)[:, None]
    x, y = (places - cell.unsqueeze(2)).square().unbind(-1)  # each [K, P, S]
    return y.unsqueeze(-1) + x.unsqueeze(-2) <= RADIUS**2
