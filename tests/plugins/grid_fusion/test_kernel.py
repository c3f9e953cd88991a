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

for_each_variant = pytest.mark.parametrize("variant", GRID_FUSION_KERNEL.variants, ids=lambda variant: variant.name)


def random_weights(generator: torch.Generator, channels: int) -> FusionWeights:
    """Of such a size that features neither vanish nor grow much on their way along an edge."""
    rows = len(EDGES) * channels
    return FusionWeights(
        depthwise=torch.randn((rows, 1, 5, 5), generator=generator) * 0.2,
        depthwise_bias=torch.randn(rows, generator=generator),
        pointwise=torch.randn((rows, channels, 1, 1), generator=generator) * (0.5 / channels**0.5),
        pointwise_bias=torch.randn(rows, generator=generator),
    )


class Case:
    """Random inputs in a variant's precision, and the kernel for it."""

    def __init__(self, compile_for_host: Compiler, variant: Variant) -> None:
        self.kernel = HostKernel(GRID_FUSION_KERNEL, variant, {}, compile_for_host)
        self.dtype = getattr(torch, variant.feature_type)
        self.tolerance = GRID_FUSION.tolerances[variant.feature_type]

    def check(self, rois: int, channels: int, side: int, seed: int = 0) -> None:
        generator = torch.Generator().manual_seed(seed)
        features = torch.randn((rois, POINTS * channels, side, side), generator=generator).to(self.dtype)
        first, second = (self.rounded(random_weights(generator, channels)) for _ in range(2))
        expected = grid_fusion(features.float(), self.in_float(first), self.in_float(second))
        for backwards in (False, True):
            (fused,) = self.kernel(features, *first, *second, backwards=backwards)
            assert fused.dtype == self.dtype
            self.assert_close(fused, expected)

    def rounded(self, weights: FusionWeights) -> FusionWeights:
        return FusionWeights(*(tensor.to(self.dtype) for tensor in weights))

    @staticmethod
    def in_float(weights: FusionWeights) -> FusionWeights:
        return FusionWeights(*(tensor.float() for tensor in weights))

    def assert_close(self, fused: Tensor, expected: Tensor) -> None:
        absolute, relative = self.tolerance.absolute, self.tolerance.relative
        torch.testing.assert_close(fused.float(), expected, atol=absolute, rtol=relative)


@for_each_variant
def test_it_fuses_as_the_definition_does(variant: Variant, compile_for_host: Compiler) -> None:
    case = Case(compile_for_host, variant)

    @given(rois=st.integers(0, 2), side=st.integers(1, 7), seed=st.integers(0, 1000))
    def check(rois: int, side: int, seed: int) -> None:
        case.check(rois, channels=16, side=side, seed=seed)

    check()


@for_each_variant
@pytest.mark.parametrize("side", [7, 5])
@pytest.mark.parametrize("channels", [32, 48, 64])
def test_channels_are_shared_out_among_warps(
    variant: Variant, channels: int, side: int, compile_for_host: Compiler
) -> None:
    Case(compile_for_host, variant).check(rois=1, channels=channels, side=side)


@for_each_variant
def test_rois_do_not_mix(variant: Variant, compile_for_host: Compiler) -> None:
    case = Case(compile_for_host, variant)
    generator = torch.Generator().manual_seed(0)
    first, second = (case.rounded(random_weights(generator, channels=16)) for _ in range(2))
    features = torch.randn((3, POINTS * 16, 7, 7), generator=generator).to(case.dtype)
    features[1] = torch.nan
    (fused,) = case.kernel(features, *first, *second)
    expected = grid_fusion(features.float(), case.in_float(first), case.in_float(second))
    assert fused[1].isnan().all()
    case.assert_close(fused[::2], expected[::2])
