"""The network's input from pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gridrt.config import PIXEL_MEAN, PIXEL_STD


class Normalize(nn.Module):
    """Standardise pixels per channel; padding becomes exactly 0."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Constants, not weights: they stay out of the state dict, as in the published files.
        # On the CPU by name: `load_model` builds under torch.device("meta"), where they would lose their values.
        self.register_buffer("mean", torch.tensor(PIXEL_MEAN, device="cpu").view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(PIXEL_STD, device="cpu").view(3, 1, 1), persistent=False)

    def forward(self, images: Tensor, image_sizes: Tensor) -> Tensor:
        """uint8 [B, H, W, 3] RGB and int32 [B, 2] (height, width) -> float32 [B, 3, H, W]."""
        # Cast first: TensorRT supports no other op on uint8.
        pixels = (images.to(self.mean.dtype).permute(0, 3, 1, 2) - self.mean) / self.std
        rows = torch.arange(images.shape[1], device=images.device)[None, :, None] < image_sizes[:, 0, None, None]
        columns = torch.arange(images.shape[2], device=images.device)[None, None, :] < image_sizes[:, 1, None, None]
        return torch.where((rows & columns).unsqueeze(1), pixels, 0.0)
