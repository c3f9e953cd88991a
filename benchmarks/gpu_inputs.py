"""Random inputs of the custom ops, on the CPU, the same for a seed."""

from __future__ import annotations

import torch
from torch import Tensor

from gridrt.ops.grid import EDGES, POINTS
from gridrt.ops.grid_fusion import FusionWeights
from gridrt.plugins.multi_level_roi_align.kernel import STRIDES


def random_boxes(generator: torch.Generator, count: int, height: int, width: int) -> Tensor:
    """float32 [N, 4], xyxy within the picture."""
    points = torch.rand((count, 2, 2), generator=generator) * torch.tensor([float(width), float(height)])
    return torch.cat((points.amin(1), points.amax(1)), 1)


def pyramid_and_rois(
    rois: int, channels: int, size: tuple[int, int], batch: int = 1, seed: int = 0
) -> tuple[list[Tensor], Tensor]:
    """Noise [B, C, H_l, W_l] per level, and float32 [K, 5] of the images in turn."""
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    maps = [torch.randn((batch, channels, height // s, width // s), generator=generator) for s in STRIDES]
    image = (torch.arange(rois) % batch).float()[:, None]
    return maps, torch.cat((image, random_boxes(generator, rois, height, width)), 1)


def fusion_inputs(rois: int, channels: int, side: int, seed: int = 0) -> tuple[Tensor, FusionWeights, FusionWeights]:
    """Features [K, P * C, S, S] and two orders of weights, so small that features do not grow much."""
    generator = torch.Generator().manual_seed(seed)
    rows = len(EDGES) * channels

    def weights() -> FusionWeights:
        return FusionWeights(
            torch.randn((rows, 1, 5, 5), generator=generator) * 0.2,
            torch.randn(rows, generator=generator),
            torch.randn((rows, channels, 1, 1), generator=generator) * (0.5 / channels**0.5),
            torch.randn(rows, generator=generator),
        )

    return torch.randn((rois, POINTS * channels, side, side), generator=generator), weights(), weights()


def candidates(rows: int, columns: int, groups: int, batch: int = 1, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Boxes [B, N, 4], scores [B, N, C] and groups [N], in turn."""
    generator = torch.Generator().manual_seed(seed)
    boxes = torch.stack([random_boxes(generator, rows, 800, 1344) for _ in range(batch)])
    return (
        boxes,
        torch.rand((batch, rows, columns), generator=generator),
        torch.arange(rows, dtype=torch.int32) % groups,
    )
