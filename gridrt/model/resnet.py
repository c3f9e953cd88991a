"""ResNet and ResNeXt backbones.

Shapes: B images, H x W pixels; C2..C5 are the outputs of the four stages, at strides 4, 8, 16, 32.
Parameter names are mmdetection's, so published weights load key for key.

BatchNorm always runs on its stored statistics, in training too: a detector's batches are too small to have their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

Norm = Callable[[int], nn.Module]


def group_norm(channels: int) -> nn.GroupNorm:
    """GroupNorm with eight channels to a group: no batch statistics, so small batches train."""
    return nn.GroupNorm(channels // 8, channels)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions around a shortcut; the 3x3 one strides and may be grouped."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, norm: Norm, groups: int, base_width: int) -> None:
        super().__init__()
        width = planes * base_width // 64 * groups
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)
        self.bn2 = norm(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = norm(outputs)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, 4 * planes, H / stride, W / stride]."""
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.downsample(x))


class ResNet(nn.Module):
    """A stem and four stages of residual blocks.

    Args:
        blocks: how many per stage.
        norm: makes the normalisation layer for a number of channels.
        stem_channels: outputs of the stem; stage i has `stem_channels * 2**i` planes.
        groups: of the 3x3 convolutions; more than 1 makes it a ResNeXt.
        base_width: channels per group at 64 planes.
        frozen_stages: so many stages, and with the first also the stem, keep their weights in training.
    """

    def __init__(
        self,
        blocks: Sequence[int],
        norm: Norm = nn.BatchNorm2d,
        stem_channels: int = 64,
        groups: int = 1,
        base_width: int = 64,
        frozen_stages: int = 0,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, stem_channels, 7, 2, 3, bias=False)
        self.bn1 = norm(stem_channels)
        inputs = stem_channels
        stages = []
        for index, count in enumerate(blocks):
            planes = stem_channels << index
            layers = []
            for block in range(count):
                stride = 2 if index > 0 and block == 0 else 1
                layers.append(Bottleneck(inputs, planes, stride, norm, groups, base_width))
                inputs = planes * Bottleneck.expansion
            stages.append(nn.Sequential(*layers))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.channels = tuple((stem_channels << index) * Bottleneck.expansion for index in range(4))
        self.freeze(frozen_stages)
        self.train()  # a new module is in training mode without a call of train()

    def freeze(self, stages: int) -> None:
        """Let the first `stages` stages, 0 to 4, keep their weights in training; with the first also the stem."""
        parts = ((self.conv1, self.bn1, self.layer1), (self.layer2,), (self.layer3,), (self.layer4,))
        for stage, modules in enumerate(parts):
            for module in modules:
                module.requires_grad_(stage >= stages)

    def train(self, mode: bool = True) -> ResNet:  # noqa: FBT001, FBT002 - torch's signature
        """As `nn.Module.train`, but BatchNorm stays in eval mode."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, x: Tensor) -> list[Tensor]:
        """[B, 3, H, W] -> C2..C5, each [B, C, H / stride, W / stride]."""
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        outputs = []
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
            outputs.append(x)
        return outputs
