"""The definitions of fused layers have the signatures of PyTorch's operators, and compute what their parts compute."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gridrt.ops import fused_layers
from gridrt.ops.fused_layers import cudnn_convolution_add_relu, cudnn_convolution_relu, product


@pytest.mark.parametrize(
    ("definition", "operator"),
    [
        (cudnn_convolution_relu, torch.ops.aten.cudnn_convolution_relu.default),
        (cudnn_convolution_add_relu, torch.ops.aten.cudnn_convolution_add_relu.default),
        (product, torch.ops.aten.mm.dtype),
    ],
)
def test_the_parameters_are_those_of_the_operator(
    definition: Callable[..., Tensor], operator: torch._ops.OpOverload
) -> None:
    assert list(inspect.signature(definition).parameters) == [each.name for each in operator._schema.arguments]


def by_hand(x: Tensor, weight: Tensor, bias: Tensor, added: float) -> list[float]:
    """A convolution of one channel, 3 x 3 without padding, sums of products written out."""
    plane, kernel = x[0, 0].numpy().astype(np.float64), weight[0, 0].numpy().astype(np.float64)
    height, width = plane.shape
    sums = [
        (plane[row : row + 3, column : column + 3] * kernel).sum() + float(bias) + added
        for row in range(height - 2)
        for column in range(width - 2)
    ]
    return [max(value, 0.0) for value in sums]


def test_bias_and_sum_come_before_the_rectification() -> None:
    generator = torch.Generator().manual_seed(0)
    x, weight = torch.randn(1, 1, 6, 7, generator=generator), torch.randn(1, 1, 3, 3, generator=generator)
    bias, z = torch.tensor([0.25]), torch.full((1, 1, 4, 5), 0.5)
    geometry = ([1, 1], [0, 0], [1, 1], 1)
    alone = cudnn_convolution_relu(x, weight, bias, *geometry)
    added = cudnn_convolution_add_relu(x, weight, z, 2.0, bias, *geometry)
    unscaled = cudnn_convolution_add_relu(x, weight, z, None, bias, *geometry)
    for found, expected in ((alone, 0.0), (added, 1.0), (unscaled, 0.5)):
        np.testing.assert_allclose(found.flatten().numpy(), by_hand(x, weight, bias, expected), atol=1e-6)
        assert (found == 0).any()


def test_a_product_of_halves_is_summed_and_given_in_float32() -> None:
    """2048 ones and 0.25: in half, or rounded to it, the sum would stay 2048."""
    row = torch.ones(1, 2049, dtype=torch.float16)
    column = torch.ones(2049, 1, dtype=torch.float16)
    column[-1] = 0.25
    assert fused_layers.product(row, column, torch.float32).tolist() == [[2048.25]]
