"""Grid fusion: two rounds of messages between the features of neighbouring grid points.

Shapes: K RoIs, P grid points, C channels per point, S map side, E directed edges (see `gridrt.ops.grid`).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gridrt.ops.grid import EDGES, POINTS


class FusionWeights(NamedTuple):
    """One order of fusion: along each edge a depth-wise 5x5 convolution, then a point-wise one, without activations."""

    depthwise: Tensor  # [E * C, 1, 5, 5]
    depthwise_bias: Tensor  # [E * C]
    pointwise: Tensor  # [E * C, C, 1, 1]
    pointwise_bias: Tensor  # [E * C]


def grid_fusion(features: Tensor, first: FusionWeights, second: FusionWeights) -> Tensor:
    """Add messages from the neighbours, and from their neighbours, to the features of each point.

    first_i = x_i + sum_j T1_ij(x_j);  second_i = x_i + sum_j T2_ij(first_j), over the neighbours j of i.

    Args:
        features: float [K, P * C, S, S].
        first: weights of the first order.
        second: weights of the second order.

    Returns:
        float [K, P * C, S, S].
    """
    return features + _messages(features + _messages(features, first), second)


def _messages(features: Tensor, weights: FusionWeights) -> Tensor:
    """The sum of the neighbours' messages to each point: [K, P * C, S, S] -> [K, P * C, S, S]."""
    sources, targets = (torch.tensor(ends, device=features.device) for ends in zip(*EDGES, strict=True))
    points = features.unflatten(1, (POINTS, -1))  # [K, P, C, S, S]
    sent = points.index_select(1, sources).flatten(1, 2)  # [K, E * C, S, S]
    sent = F.conv2d(sent, weights.depthwise, weights.depthwise_bias, padding=2, groups=sent.shape[1])
    sent = F.conv2d(sent, weights.pointwise, weights.pointwise_bias, groups=len(EDGES))
    arrived = torch.zeros_like(points).index_add(1, targets, sent.unflatten(1, (len(EDGES), -1)))
    return arrived.flatten(1, 2)
