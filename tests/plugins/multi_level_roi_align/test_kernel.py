"""The kernel, run on the CPU, pools what the definition pools."""

from __future__ import annotations

import math
from collections.abc import Sequence

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
SIZE = (160, 224)  # height and width of the images

for_each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)

Rois = Sequence[Sequence[float]]


class Case:
    """A pyramid of noise, and the kernel in one variant."""

    def __init__(
        self,
        compile_for_host: Compiler,
        variant: Variant,
        *,
        bins: int = 7,
        channels: int = 8,
        size: tuple[int, int] = SIZE,
        strides: Sequence[int] = STRIDES,
    ) -> None:
        self.bins, self.strides = bins, strides
        attributes = {"output_size": bins, "strides": strides}
        self.tolerance = MULTI_LEVEL_ROI_ALIGN.tolerances[variant.feature_type]
        self.kernel = HostKernel(MULTI_LEVEL_ROI_ALIGN_KERNEL, variant, attributes, compile_for_host)
        generator = torch.Generator().manual_seed(0)
        shapes = [(2, channels, size[0] // stride, size[1] // stride) for stride in strides]
        dtype = getattr(torch, variant.feature_type)
        self.features = [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]

    def check(self, rois: Rois) -> Tensor:
        """Compare with the definition in float32; the result for the threads in their order and in reverse."""
        table = torch.tensor(rois, dtype=torch.float32).view(-1, 5)
        features = [feature.float() for feature in self.features]
        expected = multi_level_roi_align(features, table, self.strides, self.bins)
        for backwards in (False, True):
            (pooled,) = self.kernel(*self.features, table, backwards=backwards)
            assert pooled.dtype == self.features[0].dtype
            torch.testing.assert_close(
                pooled.float(), expected, atol=self.tolerance.absolute, rtol=self.tolerance.relative
            )
        return expected


# Also multiples of a stride: there, samples fall on cells and on the limits of the map.
coordinates = st.floats(-60, 300, width=32) | st.integers(-8, 56).map(lambda cell: 4.0 * cell)
a_roi = st.tuples(st.sampled_from([0.0, 1.0]), coordinates, coordinates, coordinates, coordinates)


@pytest.mark.parametrize(
    ("variant", "bins"),
    [
        *((variant, 7) for variant in VARIANTS),
        *(pytest.param(variant, 14, marks=pytest.mark.slow) for variant in VARIANTS[:-1]),
        (VARIANTS[-1], 14),
    ],
)
def test_it_pools_what_the_definition_pools(variant: Variant, bins: int, compile_for_host: Compiler) -> None:
    case = Case(compile_for_host, variant, bins=bins)

    @given(st.lists(a_roi, max_size=3))
    def check(rois: Rois) -> None:
        case.check(rois)

    check()


def test_no_rois_pool_to_an_empty_tensor(compile_for_host: Compiler) -> None:
    assert Case(compile_for_host, VARIANTS[0]).check([]).shape == (0, 8, 7, 7)


EMPTY = {
    "a point": (0, 9, 9, 9, 9),
    "a point in the corner": (0, 0, 0, 0, 0),
    "a line across": (1, 9, 9, 90, 9),
    "a line down": (1, 9, 9, 9, 90),
    "reversed": (0, 90, 90, 20, 20),
    "reversed across": (0, 90, 20, 20, 90),
    "reversed down": (0, 20, 90, 90, 20),
}
OUTSIDE = {
    "left of it": (0, -200, 20, -60, 90),
    "above it": (0, 20, -200, 90, -60),
    "right of it": (1, 260, 20, 400, 90),
    "below it": (1, 20, 200, 90, 320),
}
INSIDE = {
    "the whole map": (1, 0, 0, 224, 160),
    "over the left edge": (0, -30, 20, 30, 90),
    "over the upper edge": (0, 20, -30, 90, 30),
    "over the right edge": (0, 200, 20, 260, 90),
    "over the lower edge": (1, 20, 140, 90, 200),
    "tiny": (0, 100.5, 50.25, 100.501, 50.251),
    "wide and flat, so that it is on the finest level": (1, 0, 60, 224, 70),
    "high and narrow": (1, 60, 0, 64, 160),
    "a map's last cell": (1, 220, 156, 224, 160),
    "beside the limit of a level": (0, 10, 10, 121.99999, 121.99999),
    "on the limit of a level": (0, 10, 10, 122, 122),
    "huge": (1, -4e5, -4e5, 4e5, 4e5),
    "huge across": (1, -3e6, 50, 3e6, 51),
    "huge down": (0, 50, -3e6, 51, 3e6),
    "huge, and ends within": (0, -1e5, -1e5, 100, 100),
}


@for_each_variant
@pytest.mark.parametrize("roi", EMPTY.values(), ids=EMPTY)
def test_a_roi_without_area_pools_nothing(variant: Variant, roi: Sequence[float], compile_for_host: Compiler) -> None:
    assert not Case(compile_for_host, variant).check([roi]).any()


@for_each_variant
@pytest.mark.parametrize("roi", OUTSIDE.values(), ids=OUTSIDE)
def test_a_roi_outside_pools_nothing(variant: Variant, roi: Sequence[float], compile_for_host: Compiler) -> None:
    assert not Case(compile_for_host, variant).check([roi]).any()


@for_each_variant
@pytest.mark.parametrize("roi", INSIDE.values(), ids=INSIDE)
def test_rois_of_all_kinds(variant: Variant, roi: Sequence[float], compile_for_host: Compiler) -> None:
    assert Case(compile_for_host, variant).check([roi]).any()


@for_each_variant
def test_coordinates_that_are_no_numbers_pool_nothing(variant: Variant, compile_for_host: Compiler) -> None:
    case = Case(compile_for_host, variant)
    (pooled,) = case.kernel(*case.features, torch.tensor([[0, math.nan, math.nan, math.nan, math.nan]]))
    assert not pooled.any()


def test_infinite_coordinates_do_no_harm(compile_for_host: Compiler) -> None:
    case = Case(compile_for_host, VARIANTS[0])
    limits = (-math.inf, -3e38, 0, 3e38, math.inf)
    rois = [(0, low, low, high, high) for low in limits for high in limits if low < high]
    (pooled,) = case.kernel(*case.features, torch.tensor(rois))
    assert pooled.shape == (10, 8, 7, 7)


ONE_PER_LEVEL = [(0, 10, 10, 40, 50), (1, 20, 10, 150, 140), (0, 0, 0, 300, 300), (1, -100, -100, 500, 500)]


@for_each_variant
def test_all_channels_are_pooled(variant: Variant, compile_for_host: Compiler) -> None:
    """More than a block takes, and not a multiple of that; nor of what a warp takes, where the layout allows it."""
    channels = 136 if variant.channels_last else 135
    Case(compile_for_host, variant, channels=channels).check(ONE_PER_LEVEL)


@pytest.mark.parametrize(
    ("variant", "bins"),
    [
        *((VARIANTS[0], bins) for bins in (1, 32)),
        *((VARIANTS[-1], bins) for bins in (8, 16)),
        *(pytest.param(VARIANTS[0], bins, marks=pytest.mark.slow) for bins in (8, 16)),
        *(pytest.param(VARIANTS[-1], bins, marks=pytest.mark.slow) for bins in (1, 32)),
    ],
)
def test_other_numbers_of_bins(variant: Variant, bins: int, compile_for_host: Compiler) -> None:
    Case(compile_for_host, variant, bins=bins).check(ONE_PER_LEVEL)


def test_a_map_of_a_single_cell(compile_for_host: Compiler) -> None:
    Case(compile_for_host, VARIANTS[0], size=(32, 32)).check([*ONE_PER_LEVEL, (0, 0, 0, 1e3, 1e3)])


def test_strides_that_are_no_powers_of_two(compile_for_host: Compiler) -> None:
    Case(compile_for_host, VARIANTS[0], strides=(6, 10, 14, 30)).check(ONE_PER_LEVEL)
