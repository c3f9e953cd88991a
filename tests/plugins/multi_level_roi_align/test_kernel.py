"""The kernel, run on the CPU, pools what the definition pools."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gridrt.ops.roi_align import multi_level_roi_align
from gridrt.plugins.kernel import Variant
from gridrt.plugins.multi_level_roi_align.contract import MULTI_LEVEL_ROI_ALIGN
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL, STRIDES
from tests.plugins.host_kernel import Compiler, HostKernel

VARIANTS = MULTI_LEVEL_ROI_ALIGN_KERNEL.variants
HEIGHT, WIDTH = 160, 224  # pixels


def pyramid(images: int, channels: int, variant: Variant) -> list[Tensor]:
    generator = torch.Generator().manual_seed(channels)
    shapes = [(images, channels, HEIGHT // stride, WIDTH // stride) for stride in STRIDES]
    precision = getattr(torch, variant.precision)
    return [torch.randn(shape, generator=generator).to(precision) for shape in shapes]


def host_kernel(variant: Variant, size: int, compile_for_host: Compiler) -> HostKernel:
    attributes = {"output_size": size, "strides": STRIDES}
    return HostKernel(MULTI_LEVEL_ROI_ALIGN_KERNEL, variant, attributes, compile_for_host)


def check(kernel: HostKernel, variant: Variant, rois: list[tuple[float, ...]], size: int, channels: int) -> None:
    features, table = pyramid(2, channels, variant), torch.tensor(rois, dtype=torch.float32).view(-1, 5)
    expected = multi_level_roi_align([feature.float() for feature in features], table, STRIDES, size)
    tolerance = MULTI_LEVEL_ROI_ALIGN.tolerances[variant.precision]
    for backwards in (False, True):
        (pooled,) = kernel(*features, table, backwards=backwards)
        assert pooled.dtype == features[0].dtype
        torch.testing.assert_close(pooled.float(), expected, atol=tolerance.absolute, rtol=tolerance.relative)


coordinates = st.floats(-60, 300, width=32) | st.integers(-4, 28).map(lambda eighth: 8.0 * eighth)
rois = st.tuples(st.sampled_from([0.0, 1.0]), coordinates, coordinates, coordinates, coordinates)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
@pytest.mark.parametrize("size", [7, 14])
def test_it_pools_what_the_definition_pools(variant: Variant, size: int, compile_for_host: Compiler) -> None:
    kernel = host_kernel(variant, size, compile_for_host)

    @given(st.lists(rois, max_size=3))
    def check_rois(table: list[tuple[float, ...]]) -> None:
        check(kernel, variant, table, size, channels=8)

    check_rois()
