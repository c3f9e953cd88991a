"""The kernel, run on the CPU, fuses as the definition does."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gridrt.ops.grid import EDGES, POINTS
from gridrt.ops.grid_fusion import FusionWeights, grid_fusion
from gridrt.plugins.grid_fusion.contract import GRID_FUSION
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Variant
from tests.plugins.host_kernel import Compiler, HostKernel

VARIANTS = GRID_FUSION_KERNEL.variants
FULL_SIDE = 7

for_each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)


def weights(generator: torch.Generator, channels: int) -> FusionWeights:
    """As a trained head has them, which neither grow features nor lose them."""
    rows = len(EDGES) * channels
    return FusionWeights(
        depthwise=torch.randn((rows, 1, 5, 5), generator=generator) * 0.2,
        depthwise_bias=torch.randn(rows, generator=generator),
        pointwise=torch.randn((rows, channels, 1, 1), generator=generator) * (0.5 / channels**0.5),
        pointwise_bias=torch.randn(rows, generator=generator),
    )


def check(kernel: HostKernel, variant: Variant, features: Tensor, orders: list[FusionWeights]) -> None:
    precision = getattr(torch, variant.precision)
    features = features.to(precision)
    first, second = (FusionWeights(*(tensor.to(precision) for tensor in order)) for order in orders)
    in_float = (FusionWeights(*(tensor.float() for tensor in order)) for order in (first, second))
    expected = grid_fusion(features.float(), *in_float)
    tolerance = GRID_FUSION.tolerances[variant.precision]
    for backwards in (False, True):
        (fused,) = kernel(features, *first, *second, backwards=backwards)
        assert fused.dtype == precision
        torch.testing.assert_close(fused.float(), expected, atol=tolerance.absolute, rtol=tolerance.relative)


def check_random(kernel: HostKernel, variant: Variant, rois: int, channels: int, side: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn((rois, POINTS * channels, side, side), generator=generator)
    check(kernel, variant, features, [weights(generator, channels), weights(generator, channels)])


@for_each_variant
def test_it_fuses_as_the_definition_does(variant: Variant, compile_for_host: Compiler) -> None:
    kernel = HostKernel(GRID_FUSION_KERNEL, variant, {}, compile_for_host)
    check_random(kernel, variant, rois=1, channels=64, side=FULL_SIDE, seed=0)
