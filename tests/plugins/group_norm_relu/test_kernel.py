"""The kernel, run on the CPU, gives what the definition gives in float64."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from benchmarks.ops.group_norm_relu.inputs import norm_inputs
from gridrt.ops.group_norm_relu import group_norm_relu
from gridrt.plugins.group_norm_relu.kernel import GROUP_NORM_RELU_KERNEL, fits
from gridrt.plugins.kernel import Variant
from tests.plugins.host_kernel import Compiler, HostKernel

EPS = 1e-5
for_each_variant = pytest.mark.parametrize("variant", GROUP_NORM_RELU_KERNEL.variants, ids=lambda each: each.name)


def assert_as_defined(compile_for_host: Compiler, variant: Variant, groups: int, inputs: tuple[Tensor, ...]) -> None:
    dtype = getattr(torch, variant.feature_type)
    kernel = HostKernel(GROUP_NORM_RELU_KERNEL, variant, {"groups": groups, "eps": EPS}, compile_for_host)
    features, bias, weight, shift = (each.to(dtype).double() for each in inputs)
    expected = group_norm_relu(features, bias, weight, shift, groups, EPS)
    tolerance = GROUP_NORM_RELU_KERNEL.contract.tolerances[variant.feature_type]
    for backwards in (False, True):
        (found,) = kernel(*inputs, backwards=backwards)
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), expected, atol=tolerance.absolute, rtol=tolerance.relative)


@for_each_variant
@pytest.mark.parametrize(
    ("channels", "groups", "side"),
    [
        *(pytest.param(576, *case, marks=pytest.mark.slow) for case in ((36, 7), (9, 14))),
        *((64, 4, 7), (128, 2, 14), (8, 1, 1)),  # the first two as those of the model, with fewer groups
    ],
)
def test_it_normalises_as_the_definition_does(
    compile_for_host: Compiler, variant: Variant, channels: int, groups: int, side: int
) -> None:
    assert_as_defined(compile_for_host, variant, groups, norm_inputs(2, channels, side))


@for_each_variant
@given(rois=st.integers(0, 2), width=st.sampled_from([8, 16]), side=st.integers(1, 9), seed=st.integers(0, 999))
def test_it_does_so_for_any_size(
    compile_for_host: Compiler, variant: Variant, rois: int, width: int, side: int, seed: int
) -> None:
    assert_as_defined(compile_for_host, variant, 3, norm_inputs(rois, 3 * width, side, seed))


def test_a_large_mean_cancels_nothing(compile_for_host: Compiler) -> None:
    """The variance of one pass, mean of squares less square of the mean, would lose all its bits here."""
    features, bias, weight, shift = norm_inputs(1, 16, 5)
    assert_as_defined(compile_for_host, GROUP_NORM_RELU_KERNEL.variants[0], 2, (features, bias + 60, weight, shift))


@for_each_variant
def test_what_is_no_number_stays_so(compile_for_host: Compiler, variant: Variant) -> None:
    features, *others = norm_inputs(1, 16, 3)
    features[0, 0, 0, 0] = float("nan")
    kernel = HostKernel(GROUP_NORM_RELU_KERNEL, variant, {"groups": 2, "eps": EPS}, compile_for_host)
    (found,) = kernel(features, *others)
    assert found[:, :8].isnan().all()
    assert not found[:, 8:].isnan().any()


@pytest.mark.parametrize(
    ("channels", "groups", "precision", "does"),
    [(576, 36, "float16", True), (144, 36, "float32", True), (144, 36, "float16", False), (576, 9, "float16", True)],
)
def test_a_group_is_a_whole_number_of_reads(channels: int, groups: int, precision: str, *, does: bool) -> None:
    assert fits(channels, groups, precision) is does
