"""GridFusion by PyTorch, as the reference implementation has it: a pair of convolutions for each edge and order."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.gpu_case import Baseline, Inputs
from gridrt.ops.grid import EDGES, POINTS
from gridrt.ops.grid_fusion import FusionWeights


def convolution_pairs(inputs: Inputs) -> Iterator[Baseline]:
    """A depth-wise and a point-wise convolution for each edge and order: 48 pairs, replayed and launched."""
    features, *weights = inputs
    orders = FusionWeights(*weights[:4]), FusionWeights(*weights[4:])

    def call() -> Tensor:
        points = unfused = list(features.chunk(POINTS, 1))
        for weights in orders:
            fused = list(unfused)
            parts = zip(*(tensor.chunk(len(EDGES)) for tensor in weights), strict=True)
            for (source, target), (depthwise, depthwise_bias, pointwise, bias) in zip(EDGES, parts, strict=True):
                sent = F.conv2d(points[source], depthwise, depthwise_bias, padding=2, groups=depthwise.shape[0])
                fused[target] = fused[target] + F.conv2d(sent, pointwise, bias)
            points = fused
        return torch.cat(points, 1)

    for is_captured in (True, False):
        yield Baseline("48 convolution pairs", call, is_captured)
