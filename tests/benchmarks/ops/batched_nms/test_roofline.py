"""Bytes of the kernel, beside numbers that were worked out by hand."""

from __future__ import annotations

from benchmarks.gpu_cost import Cost
from benchmarks.ops.batched_nms.roofline import nms_cost


def test_suppression_counts_what_goes_in_and_comes_out() -> None:
    # 2 images: 10 boxes of 16 bytes and 30 scores of 4 each, 10 groups of 4 in all; out 5 rows of 24 bytes.
    assert nms_cost((2, 10, 4), (2, 10, 3), 5) == Cost(2 * (160 + 120) + 40 + 2 * 120, {})
