"""The network's input from pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gridrt.config import PixelConfig


class Normalize(nn.Module):
    """Standardise pixels per channel; padding becomes exactly 0.

    Args:
        pixels: channel order, mean and std.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, pixels: PixelConfig = PixelConfig()) -> None:  # noqa: B008 - frozen
        super().__init__()
        self.pixels = pixels
        # Constants, not weights: they stay out of the state dict, as in the published files.
        # On the CPU by name: `load_model` builds under torch.device("meta"), where they would lose their values.
        for name, values in (("mean", pixels.mean), ("std", pixels.std)):
            constant = torch.tensor(values, dtype=torch.float32, device="cpu").view(3, 1, 1)
            self.register_buffer(name, constant, persistent=False)

    def forward(self, images: Tensor, image_sizes: Tensor) -> Tensor:
        """uint8 [B, H, W, 3] RGB and int32 [B, 2] (height, width) -> float32 [B, 3, H, W] in the network's order."""
        # Cast first: TensorRT supports no other op on uint8.
        channels = images.to(self.mean.dtype).permute(0, 3, 1, 2)
        if self.pixels.order == "BGR":
            channels = channels.flip(1)
        pixels = (channels - self.mean) / self.std
        rows = torch.arange(images.shape[1], device=images.device)[None, :, None] < image_sizes[:, 0, None, None]
        columns = torch.arange(images.shape[2], device=images.device)[None, None, :] < image_sizes[:, 1, None, None]
        return torch.where((rows & columns).unsqueeze(1), pixels, 0.0)
