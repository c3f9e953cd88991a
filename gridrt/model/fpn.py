"""Feature pyramid: C2..C5 in, P2..P6 out, all of one width."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F


class ConvModule(nn.Module):
    """A convolution under the name `conv`, the way mmdetection nests it; a normalisation and ReLU if asked for."""

    def __init__(self, conv: nn.Conv2d, gn: nn.GroupNorm | None = None) -> None:
        super().__init__()
        self.conv = conv
        self.gn = gn

    def forward(self, x: Tensor) -> Tensor:
        """[B, C_in, H, W] -> [B, C_out, H, W], or as the convolution strides."""
        x = self.conv(x)
        return x if self.gn is None else F.relu(self.gn(x))


class FPN(nn.Module):
    """Top-down pathway with lateral connections.

    Args:
        in_channels: of C2..C5.
        channels: of every output level.
    """

    def __init__(self, in_channels: Sequence[int], channels: int = 256) -> None:
        super().__init__()
        self.lateral_convs = nn.ModuleList(ConvModule(nn.Conv2d(inputs, channels, 1)) for inputs in in_channels)
        self.fpn_convs = nn.ModuleList(ConvModule(nn.Conv2d(channels, channels, 3, padding=1)) for _ in in_channels)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """C2..C5 -> P2..P6; P6 takes every second cell of P5."""
        merged = [lateral(feature) for lateral, feature in zip(self.lateral_convs, features, strict=True)]
        for level in range(len(merged) - 1, 0, -1):
            finer = merged[level - 1]
            merged[level - 1] = finer + F.interpolate(merged[level], size=finer.shape[-2:], mode="nearest")
        pyramid = [conv(level) for conv, level in zip(self.fpn_convs, merged, strict=True)]
        return [*pyramid, F.max_pool2d(pyramid[-1], 1, 2)]
