"""The kernel, launched on a GPU, gives what the definition gives."""

from __future__ import annotations

import pytest

from benchmarks.gpu_kernel import launched
from benchmarks.ops.grid_fusion.inputs import fusion_inputs
from gridrt.ops.grid_fusion import FusionWeights, grid_fusion
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Variant
from tests.gpu.closeness import assert_close, rounded

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("variant", GRID_FUSION_KERNEL.variants, ids=lambda variant: variant.name)
@pytest.mark.parametrize(("rois", "channels", "side"), [(0, 16, 7), (1, 16, 5), (100, 16, 7), (20, 64, 7)])
def test_grid_fusion_fuses_as_the_definition_does(variant: Variant, rois: int, channels: int, side: int) -> None:
    features, first, second = fusion_inputs(rois, channels, side)
    weights = [FusionWeights(*rounded(order, variant)) for order in (first, second)]
    expected = grid_fusion(rounded([features], variant)[0], *weights)
    (fused,) = launched(GRID_FUSION_KERNEL, variant, {}, features, *first, *second)
    assert_close(fused, expected, GRID_FUSION_KERNEL.contract, variant)
