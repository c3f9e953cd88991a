"""Bytes and FLOP of the kernel, beside numbers that were worked out by hand."""

from __future__ import annotations

import torch

from benchmarks.ops.multi_level_roi_align.roofline import roi_align_cost


def test_roi_align_counts_each_cell_that_is_seen_once() -> None:
    maps = [torch.empty((1, 8, 32 // 2**level, 32 // 2**level)) for level in range(4)]
    # Pixels 8 to 24 are cells 2 to 6 of the finest level, with centres up to one cell away 1 to 6; the second RoI is
    # the same, and the third beside it lies in pixels 24 to 32 across and 8 to 24 down.
    rois = torch.tensor([[0, 8, 8, 24, 24], [0, 8, 8, 24, 24], [0, 24, 8, 32, 24]], dtype=torch.float32)

    cost = roi_align_cost(maps, rois, (4, 8, 16, 32), 2, "float16")

    seen = 6 * (6 + 3)  # rows 1 to 6; columns 1 to 6, and of the third RoI 5 to 8
    seen -= 6  # 5 and 6 are among the first ones, and so 7 and 8 are new
    assert cost.bytes == 2 * (8 * seen + 3 * 8 * 4) + 4 * 15
    # 4 cells on 2 bins are 2 samples, which read 3 cells; 2 cells on 2 bins are 1 sample, which reads 2.
    assert cost.flops == {"float32": 2 * 8 * (2 * (6 * 6) + 6 * 4)}


def test_a_roi_without_length_needs_no_arithmetic() -> None:
    maps = [torch.empty((1, 1, 8, 8))] * 4

    assert roi_align_cost(maps, torch.tensor([[0.0, 9, 9, 9, 9]]), (4, 8, 16, 32), 7, "float32").flops == {"float32": 0}
