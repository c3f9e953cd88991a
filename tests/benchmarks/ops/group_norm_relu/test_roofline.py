"""Bytes of the kernel, beside numbers that were worked out by hand."""

from __future__ import annotations

from benchmarks.gpu_cost import Cost
from benchmarks.ops.group_norm_relu.roofline import norm_cost


def test_features_go_in_and_out_and_vectors_in() -> None:
    assert norm_cost(2, 8, 3, "float16") == Cost(2 * (144 + 144 + 24), {"float32": 8 * 144})
