"""GroupNormRelu at the shapes of R-50."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.gpu_case import Case
from benchmarks.ops.group_norm_relu.baseline import norm_by_torch
from benchmarks.ops.group_norm_relu.inputs import norm_inputs
from benchmarks.ops.group_norm_relu.roofline import norm_cost
from gridrt.plugins.group_norm_relu.kernel import GROUP_NORM_RELU_KERNEL

ROIS, CHANNELS, EPS = 100, 576, 1e-5


def cases() -> Iterator[Case]:
    """Behind the convolutions of the grid head, and behind its first up-sampling."""
    for groups, side in ((36, 7), (9, 14)):
        inputs = norm_inputs(ROIS, CHANNELS, side)
        attributes = {"groups": groups, "eps": EPS}
        for variant in GROUP_NORM_RELU_KERNEL.variants:
            cost = norm_cost(ROIS, CHANNELS, side, variant.feature_type)
            baselines = partial(norm_by_torch, attributes)
            yield Case(GROUP_NORM_RELU_KERNEL, variant, attributes, inputs, "random", inputs[0].shape, cost, baselines)
