"""Layers of the detector that do in one launch what PyTorch does in two to four; for inference on a GPU.

In eager PyTorch the bias of a convolution on CUDA is a pass of its own over memory, and so are each sum and each
rectification; GroupNorm wants its features copied to channels first, and flattening for a fully connected layer copies
them too. Here maps stay channels last throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gridrt.model.bbox_head import BBoxHead
from gridrt.model.fpn import FPN, ConvModule
from gridrt.model.grid_head import GridHead
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.resnet import Bottleneck, ResNet
from gridrt.model.rpn_head import RPNHead
from gridrt.plugins.adapters.torch_ops import TORCH_OPS
from gridrt.plugins.group_norm_relu.kernel import fits

GROUP_NORM_RELU = TORCH_OPS["GroupNormRelu"]


def fuse_layers(model: GridRCNN) -> None:
    """Replace layers in place: of a model with a grid, whose batch norms are folded, in the precision that it runs in.

    Its outputs stay the same, but for rounding. In half precision the last two convolutions of the RPN take their
    weights in half as well; their sums, and what comes of them, are float32 still.
    """
    if isinstance(model.backbone.bn1, nn.Identity):  # folded
        model.backbone = FusedResNet(model.backbone)
    model.neck = FusedFPN(model.neck)
    model.rpn_head = FusedRPNHead(model.rpn_head)
    model.roi_head.bbox_head = FusedBBoxHead(model.roi_head.bbox_head, model.rpn_head.hidden.conv.in_channels)
    model.roi_head.grid_head = FusedGridHead(model.grid)


class ConvRelu(nn.Module):
    """A convolution with its bias and ReLU, and before the ReLU a sum, if one is given."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor, added: Tensor | None = None) -> Tensor:
        """[B, C_in, H, W] and [B, C_out, H', W'] -> [B, C_out, H', W']."""
        conv, aten = self.conv, torch.ops.aten
        geometry = (conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups)
        if added is None:
            rectified: Tensor = aten.cudnn_convolution_relu(x, conv.weight, *geometry)
        else:
            rectified = aten.cudnn_convolution_add_relu(x, conv.weight, added, 1.0, *geometry)
        return rectified


class FusedBottleneck(nn.Module):
    """A `Bottleneck` whose batch norms are folded; the last convolution adds the shortcut's bias with its own."""

    def __init__(self, block: Bottleneck) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = map(ConvRelu, (block.conv1, block.conv2, block.conv3))
        self.downsample: nn.Module = nn.Identity()
        if isinstance(block.downsample, nn.Sequential):
            shortcut, last = cast("nn.Conv2d", block.downsample[0]), self.conv3.conv
            assert last.bias is not None  # noqa: S101 - of the norm that was folded
            last.bias = nn.Parameter(last.bias.detach() + _taken_bias(shortcut).detach(), requires_grad=False)
            self.downsample = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """As `Bottleneck.forward`."""
        rectified: Tensor = self.conv3(self.conv2(self.conv1(x)), self.downsample(x))
        return rectified


class FusedResNet(ResNet):
    """A `ResNet` whose batch norms are folded."""

    def __init__(self, backbone: ResNet) -> None:
        nn.Module.__init__(self)
        self.channels = backbone.channels
        self.stem = ConvRelu(backbone.conv1)
        stages = (backbone.layer1, backbone.layer2, backbone.layer3, backbone.layer4)
        self.stages = nn.ModuleList(nn.Sequential(*map(FusedBottleneck, stage)) for stage in stages)  # type: ignore[arg-type] # blocks

    def forward(self, x: Tensor) -> list[Tensor]:
        """As `ResNet.forward`; pixels are cast and laid out on the way."""
        stem = self.stem.conv.weight
        x = F.max_pool2d(self.stem(x.to(stem.dtype, memory_format=torch.channels_last)), 3, 2, 1)
        outputs = []
        for stage in self.stages:
            x = stage(x)
            outputs.append(x)
        return outputs


class Pointwise(nn.Module):
    """A convolution of single cells as a product, whose bias cuBLAS adds in the same launch; cuDNN does not."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight = nn.Parameter(conv.weight.detach().flatten(1), requires_grad=False)  # [C_out, C_in]
        self.bias = cast("Tensor", conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C_in, H, W] -> [B, C_out, H, W], channels last."""
        cells = x.permute(0, 2, 3, 1)
        sums = torch.addmm(self.bias, cells.reshape(-1, cells.shape[-1]), self.weight.t())
        return sums.view(*cells.shape[:3], -1).permute(0, 3, 1, 2)


class FusedFPN(FPN):
    """An `FPN` whose lateral convolutions are products."""

    def __init__(self, neck: FPN) -> None:
        nn.Module.__init__(self)
        laterals = (module.conv for module in neck.lateral_convs)
        self.lateral_convs = nn.ModuleList(Pointwise(conv) for conv in laterals if isinstance(conv, nn.Conv2d))
        self.fpn_convs = neck.fpn_convs


class FusedRPNHead(RPNHead):
    """An `RPNHead` that computes logits and deltas of a level as one product, with sums and results in float32."""

    weight: Tensor
    bias: Tensor

    def __init__(self, head: RPNHead) -> None:
        nn.Module.__init__(self)
        self.anchors, self.proposals, self.train_config = head.anchors, head.proposals, head.train_config
        self.hidden = ConvRelu(head.rpn_conv)
        for name, buffer in head.named_buffers(recurse=False):
            self.register_buffer(name, buffer, persistent=False)
        layers, dtype = (head.rpn_cls, head.rpn_reg), head.rpn_conv.weight.dtype
        self.shapes = head.rpn_cls.out_channels  # A
        weights = [layer.weight.detach().flatten(1).t() for layer in layers]
        biases = [layer.bias.detach().float() for layer in layers if layer.bias is not None]
        self.register_buffer("weight", torch.cat(weights, 1).to(dtype).contiguous())  # [C, 5A]
        self.register_buffer("bias", torch.cat(biases))  # [5A]
        self._anchors: dict[tuple[int, torch.Size], Tensor] = {}

    def forward(self, pyramid: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """As `RPNHead.forward`; the maps are views of one tensor per level, channels last."""
        return [self._level(self.hidden(feature)) for feature in pyramid]

    def _level_anchors(self, level: int, logit_map: Tensor) -> Tensor:
        """See `RPNHead`; the anchors of a size are made once, before launches of that size are captured."""
        key = level, logit_map.shape[2:]
        if key not in self._anchors:
            self._anchors[key] = super()._level_anchors(level, logit_map)
        return self._anchors[key]

    def _level(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        cells = hidden.permute(0, 2, 3, 1)  # [B, H, W, C]
        rows = cells.reshape(-1, cells.shape[-1])
        half = rows.dtype == torch.float16
        sums = torch.mm(rows, self.weight, out_dtype=torch.float32) if half else rows @ self.weight
        maps = (sums + self.bias).view(*cells.shape[:3], -1).permute(0, 3, 1, 2)  # [B, 5A, H, W]
        return maps[:, : self.shapes], maps[:, self.shapes :]


class FusedBBoxHead(BBoxHead):
    """A `BBoxHead` that takes pooled features as they lie, channels last: its first weights are permuted instead."""

    def __init__(self, head: BBoxHead, channels: int) -> None:
        nn.Module.__init__(self)
        self.num_classes, self.shared_fcs, self.fc_cls = head.num_classes, head.shared_fcs, head.fc_cls
        first = self.shared_fcs[0]
        assert isinstance(first, nn.Linear)  # noqa: S101 - of `BBoxHead`
        side = round((first.in_features // channels) ** 0.5)
        weight = first.weight.detach().unflatten(1, (channels, side, side)).permute(0, 2, 3, 1).flatten(1)
        first.weight = nn.Parameter(weight.contiguous(), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        """[K, C, S, S] -> class logits float32 [K, num_classes + 1]."""
        logits: Tensor = self.fc_cls(self.shared(features))
        return logits.float()

    def shared(self, features: Tensor) -> Tensor:
        """See `BBoxHead.shared`."""
        x = features.permute(0, 2, 3, 1).flatten(1)
        for layer in self.shared_fcs:
            linear = cast("nn.Linear", layer)
            x = torch._addmm_activation(linear.bias, x, linear.weight.t())  # noqa: SLF001 - ReLU, by the product itself
        return x


class NormRelu(nn.Module):
    """A convolution's bias, GroupNorm and ReLU: by the kernel where that takes the layer, else by PyTorch."""

    def __init__(self, bias: Tensor, norm: nn.GroupNorm) -> None:
        super().__init__()
        self.norm = norm
        self.register_buffer("bias", bias.detach())
        precision = str(norm.weight.dtype).removeprefix("torch.")
        self.by_kernel = fits(norm.num_channels, norm.num_groups, precision)

    def forward(self, x: Tensor) -> Tensor:
        """[K, C, H, W], of a convolution without its bias -> the same shape."""
        norm, bias = self.norm, self.bias
        assert isinstance(bias, Tensor)  # noqa: S101 - registered above
        if self.by_kernel:
            rectified: Tensor = GROUP_NORM_RELU(x, bias, norm.weight, norm.bias, norm.num_groups, norm.eps)
            return rectified
        return F.relu(norm(x + bias[:, None, None]))


class FusedGridHead(GridHead):
    """A `GridHead` whose normalisations take the biases before them and the rectifications behind them."""

    def __init__(self, head: GridHead) -> None:
        nn.Module.__init__(self)
        self.point_channels = head.point_channels
        self.forder_trans, self.sorder_trans = head.forder_trans, head.sorder_trans
        self.convs = nn.Sequential(*(part for module in head.convs for part in _conv_norm(module)))
        self.norm1 = NormRelu(_taken_bias(head.deconv1), head.norm1)  # type: ignore[assignment] # both are modules
        self.deconv1, self.deconv2 = head.deconv1, head.deconv2

    def heatmaps(self, points: Tensor) -> Tensor:
        """See `GridHead.heatmaps`; float32."""
        logits: Tensor = self.deconv2(self.norm1(self.deconv1(points)))
        return logits.float()


def _conv_norm(module: nn.Module) -> tuple[nn.Module, nn.Module]:
    assert isinstance(module, ConvModule)  # noqa: S101 - of `GridHead`
    assert module.gn is not None  # noqa: S101 - the same
    return module.conv, NormRelu(_taken_bias(module.conv), module.gn)


def _taken_bias(conv: nn.Conv2d | nn.ConvTranspose2d) -> Tensor:
    """The bias of a layer, which has none from then on."""
    assert conv.bias is not None  # noqa: S101 - of this model
    bias, conv.bias = conv.bias, None
    return bias
