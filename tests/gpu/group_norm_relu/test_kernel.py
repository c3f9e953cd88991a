"""The kernel, launched on a GPU, gives what the definition gives."""

from __future__ import annotations

import pytest

from benchmarks.gpu_kernel import launched
from benchmarks.ops.group_norm_relu.inputs import norm_inputs
from gridrt.ops.group_norm_relu import group_norm_relu
from gridrt.plugins.group_norm_relu.kernel import GROUP_NORM_RELU_KERNEL
from gridrt.plugins.kernel import Variant
from tests.gpu.closeness import assert_close, rounded

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("variant", GROUP_NORM_RELU_KERNEL.variants, ids=lambda variant: variant.name)
@pytest.mark.parametrize(("rois", "groups", "side"), [(0, 36, 7), (1, 36, 7), (100, 36, 7), (20, 9, 14)])
def test_it_normalises_as_the_definition_does(variant: Variant, rois: int, groups: int, side: int) -> None:
    inputs = norm_inputs(rois, 576, side)
    features, bias, weight, shift = rounded(inputs, variant)
    expected = group_norm_relu(features, bias, weight, shift, groups, 1e-5)
    attributes = {"groups": groups, "eps": 1e-5}
    (found,) = launched(GROUP_NORM_RELU_KERNEL, variant, attributes, *inputs)
    assert_close(found, expected, GROUP_NORM_RELU_KERNEL.contract, variant)
