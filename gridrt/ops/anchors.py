"""Anchors: boxes of a few aspect ratios at every cell of a pyramid level, centred on its upper left corner."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gridrt.config import AnchorConfig


def base_anchors(stride: int, config: AnchorConfig) -> Tensor:
    """The anchors of one cell, centred on the origin: float32 [A, 4], xyxy in pixels."""
    # On the CPU even if the model is built on the meta device: anchors are constants.
    roots = torch.tensor([math.sqrt(ratio) for ratio in config.ratios], dtype=torch.float32, device="cpu")
    half = torch.stack((stride / roots, stride * roots), 1) * config.scale / 2  # [A, 2]
    return torch.cat((-half, half), 1)


def grid_anchors(height: int, width: int, stride: int, base: Tensor) -> Tensor:
    """The anchors of one level, ordered by row, then column, then aspect ratio.

    Args:
        height: rows of cells in the level.
        width: columns of cells.
        stride: pixels between cells.
        base: float32 [A, 4], from `base_anchors`.

    Returns:
        float32 [height * width * A, 4], xyxy in pixels.
    """
    x = torch.arange(width, device=base.device, dtype=base.dtype) * stride
    y = torch.arange(height, device=base.device, dtype=base.dtype) * stride
    y, x = torch.meshgrid(y, x, indexing="ij")
    corners = torch.stack((x, y, x, y), -1)  # [height, width, 4]
    return (corners.unsqueeze(2) + base).flatten(0, 2)
