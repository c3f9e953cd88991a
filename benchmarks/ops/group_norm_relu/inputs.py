"""Random inputs of GroupNormRelu, on the CPU, the same for a seed."""

from __future__ import annotations

import torch
from torch import Tensor


def norm_inputs(rois: int, channels: int, side: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features [K, C, S, S], and bias, weight and shift [C] each."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn((rois, channels, side, side), generator=generator)
    bias, weight, shift = (torch.randn(channels, generator=generator) for _ in range(3))
    return features, bias, weight, shift
