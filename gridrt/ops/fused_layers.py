"""Fused layers that PyTorch has on CUDA only, by plain operations: they define what those compute.

Names and parameters are those of the operators `aten::cudnn_convolution_relu`, `aten::cudnn_convolution_add_relu` and
`aten::mm.dtype`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F


def cudnn_convolution_relu(
    self: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """relu(conv(self) + bias): [B, C_in, H, W] -> [B, C_out, H', W']."""
    return F.relu(F.conv2d(self, weight, bias, list(stride), list(padding), list(dilation), groups))


def cudnn_convolution_add_relu(  # noqa: PLR0913, PLR0917 - PyTorch's signature
    self: Tensor,
    weight: Tensor,
    z: Tensor,
    alpha: float | None,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Tensor:
    """relu(conv(self) + bias + alpha * z), z [B, C_out, H', W']; alpha is 1 where it is None."""
    sums = F.conv2d(self, weight, bias, list(stride), list(padding), list(dilation), groups)
    return F.relu(sums + z * (1.0 if alpha is None else alpha))


def product(self: Tensor, mat2: Tensor, out_dtype: torch.dtype) -> Tensor:
    """Product of matrices [N, K] and [K, M] whose sums are in `out_dtype` and stay so: [N, M]."""
    return self.to(out_dtype) @ mat2.to(out_dtype)
