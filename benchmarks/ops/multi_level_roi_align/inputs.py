"""Random inputs of MultiLevelRoiAlign, on the CPU, the same for a seed."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.ops.random_boxes import random_boxes
from gridrt.plugins.multi_level_roi_align.kernel import STRIDES


def pyramid_and_rois(
    rois: int, channels: int, size: tuple[int, int], batch: int = 1, seed: int = 0
) -> tuple[list[Tensor], Tensor]:
    """Noise [B, C, H_l, W_l] per level, and float32 [K, 5]; RoI k is in image k modulo B."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    maps = [torch.randn((batch, channels, height // s, width // s), generator=generator) for s in STRIDES]
    image = (torch.arange(rois) % batch).float()[:, None]
    return maps, torch.cat((image, random_boxes(generator, rois, height, width)), 1)
