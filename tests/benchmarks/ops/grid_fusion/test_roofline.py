"""Bytes and FLOP of the kernel, beside numbers that were worked out by hand."""

from __future__ import annotations

import pytest

from benchmarks.ops.grid_fusion.roofline import fusion_cost


def test_grid_fusion_counts_weights_features_and_taps_within_the_border() -> None:
    cost = fusion_cost(rois=1, channels=16, side=3, feature_type="float16")

    # In and out 9 * 16 * 9 halves each; 48 edges of 16 * (25 + 1) and 16 * 16 + 16 halves.
    assert cost.bytes == 2 * (2 * 1296 + 48 * (416 + 272))
    # Along a side of 3 every cell sees 3 taps, so 9 * 9 of the plane; 2 FLOP each.
    assert cost.flops == {"float32": 2 * 48 * 16 * 81, "float16": 2 * 48 * 16 * 16 * 9}


def test_grid_fusion_of_r50_needs_two_and_a_half_gflop() -> None:
    """README of the kernel: 1.9 GFLOP of point-wise products, 0.5 of depth-wise ones within the borders."""
    half, single = (fusion_cost(100, 64, 7, feature_type) for feature_type in ("float16", "float32"))

    assert half.flops == {"float32": 2 * 48 * 100 * 64 * 29 * 29, "float16": 2 * 48 * 100 * 64 * 64 * 49}
    assert single.flops == {"float32": sum(half.flops.values())}
    assert single.bytes == 2 * half.bytes


@pytest.mark.parametrize(("side", "within"), [(1, 1), (2, 4), (7, 29)])
def test_taps_within_a_small_map(side: int, within: int) -> None:
    assert fusion_cost(1, 16, side, "float16").flops["float32"] == 2 * 48 * 16 * within**2
