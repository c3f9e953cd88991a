"""A convolution's bias, GroupNorm and ReLU as one op. Shapes: K RoIs, C channels, H x W cells."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def group_norm_relu(features: Tensor, bias: Tensor, weight: Tensor, shift: Tensor, groups: int, eps: float) -> Tensor:
    """Add a bias, normalise each group of channels of each RoI, scale, shift, and rectify.

    Args:
        features: float [K, C, H, W], of a convolution without its bias.
        bias: float [C], that convolution's.
        weight: float [C], of the normalisation.
        shift: float [C], its bias.
        groups: of the channels.
        eps: added to the variance.

    Returns:
        float [K, C, H, W].
    """
    return F.relu(F.group_norm(features + bias[:, None, None], groups, weight, shift, eps))
