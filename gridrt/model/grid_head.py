"""The grid head: a heatmap for each of nine points of a box.

Shapes: K RoIs, P grid points (9), C channels per point, S side of the feature map, 4S side of a heatmap.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gridrt.model.fpn import ConvModule
from gridrt.ops.grid import POINTS, neighbours
from gridrt.ops.grid_fusion import FusionWeights, grid_fusion


class GridHead(nn.Module):
    """Convolutions, two orders of fusion between neighbour points, and two up-samplings.

    Args:
        in_channels: of the pyramid.
        convs: how many; the first halves the map.
        point_channels: C.
        groups: of the normalisation behind each convolution.
    """

    def __init__(self, in_channels: int = 256, convs: int = 8, point_channels: int = 64, groups: int = 36) -> None:
        super().__init__()
        self.point_channels = point_channels
        width = POINTS * point_channels
        self.convs = nn.Sequential(
            *(
                ConvModule(
                    nn.Conv2d(width if index else in_channels, width, 3, 1 if index else 2, 1),
                    nn.GroupNorm(groups, width),
                )
                for index in range(convs)
            )
        )
        self.deconv1 = nn.ConvTranspose2d(width, width, 4, 2, 1, groups=POINTS)
        self.norm1 = nn.GroupNorm(POINTS, width)
        self.deconv2 = nn.ConvTranspose2d(width, POINTS, 4, 2, 1, groups=POINTS)
        self.forder_trans = _transitions(point_channels)
        self.sorder_trans = _transitions(point_channels)

    def forward_train(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Heatmap logits with and without fusion: both are supervised, by the same up-sampling layers."""
        points = self.convs(features)
        return self.heatmaps(grid_fusion(points, *self.fusion_weights())), self.heatmaps(points)

    def heatmaps(self, points: Tensor) -> Tensor:
        """[K, P * C, S, S] -> logits [K, P, 4S, 4S]."""
        logits: Tensor = self.deconv2(F.relu(self.norm1(self.deconv1(points))))
        return logits

    def fusion_weights(self) -> tuple[FusionWeights, FusionWeights]:
        """The weights of both orders, stacked over the edges."""
        return _stack(self.forder_trans), _stack(self.sorder_trans)


def _transitions(channels: int) -> nn.ModuleList:
    """For each point, for each of its neighbours, what transforms the neighbour's features."""
    return nn.ModuleList(
        nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, channels, 5, padding=2, groups=channels), nn.Conv2d(channels, channels, 1)
            )
            for _ in neighbours(point)
        )
        for point in range(POINTS)
    )


def _stack(transitions: nn.ModuleList) -> FusionWeights:
    def join(tensors: Iterable[Tensor]) -> Tensor:
        return torch.cat(tuple(tensors))

    edges = [edge for point in transitions for edge in point]  # type: ignore[attr-defined]  # nested lists of modules
    depthwise, pointwise = [edge[0] for edge in edges], [edge[1] for edge in edges]
    return FusionWeights(
        join(conv.weight for conv in depthwise),
        join(conv.bias for conv in depthwise),
        join(conv.weight for conv in pointwise),
        join(conv.bias for conv in pointwise),
    )
