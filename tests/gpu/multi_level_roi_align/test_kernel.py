"""The kernel, launched on a GPU, gives what the definition gives."""

from __future__ import annotations

import pytest

from benchmarks.gpu_kernel import launched
from benchmarks.ops.multi_level_roi_align.inputs import pyramid_and_rois
from gridrt.ops.roi_align import multi_level_roi_align
from gridrt.plugins.kernel import Variant
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL, STRIDES
from tests.gpu.closeness import assert_close, rounded

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("variant", MULTI_LEVEL_ROI_ALIGN_KERNEL.variants, ids=lambda variant: variant.name)
@pytest.mark.parametrize(("rois", "channels", "bins"), [(0, 64, 7), (1, 8, 14), (100, 64, 7), (50, 256, 14)])
def test_roi_align_pools_what_the_definition_pools(variant: Variant, rois: int, channels: int, bins: int) -> None:
    maps, table = pyramid_and_rois(rois, channels, (256, 320), batch=2)
    expected = multi_level_roi_align(rounded(maps, variant), table, STRIDES, bins)
    attributes = {"output_size": bins, "strides": STRIDES}
    (pooled,) = launched(MULTI_LEVEL_ROI_ALIGN_KERNEL, variant, attributes, *maps, table)
    assert_close(pooled, expected, MULTI_LEVEL_ROI_ALIGN_KERNEL.contract, variant)
