"""Anchors: boxes of a few shapes, centred on the corners of every cell of a pyramid level."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gridrt.config import AnchorConfig


def base_anchors(stride: int, config: AnchorConfig) -> Tensor:
    """The anchors of one cell, centred on the origin: float32 [A, 4], xyxy in pixels."""
    # A constant, even where weights are made on the meta device.
    roots = torch.tensor([math.sqrt(ratio) for ratio in config.ratios], dtype=torch.float32, device="cpu")
    half = torch.stack((stride / roots, stride * roots), 1) * config.scale / 2  # [A, 2]
    return torch.cat((-half, half), 1)


def grid_anchors(height: int, width: int, stride: int, base: Tensor) -> Tensor:
    """The anchors of one level: row after row, cell after cell, then shape after shape.

    Args:
        height: cells in a column of the level.
        width: cells in a row.
        stride: pixels between cells.
        base: float32 [A, 4], of `base_anchors`.

    Returns:
        float32 [height * width * A, 4], xyxy in pixels.
    """
    x = torch.arange(width, device=base.device, dtype=base.dtype) * stride
    y = torch.arange(height, device=base.device, dtype=base.dtype) * stride
    y, x = torch.meshgrid(y, x, indexing="ij")
    corners = torch.stack((x, y, x, y), -1)  # [height, width, 4]
    return (corners.unsqueeze(2) + base).flatten(0, 2)
