"""Random inputs of GridFusion, on the CPU, the same for a seed."""

from __future__ import annotations

import torch
from torch import Tensor

from gridrt.ops.grid import EDGES, POINTS
from gridrt.ops.grid_fusion import FusionWeights


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
