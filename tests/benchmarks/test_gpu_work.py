"""Bytes and arithmetic of the kernels, beside numbers that were worked out by hand, and the share of a limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from benchmarks.gpu_limits import Peaks, measured_peaks
from benchmarks.gpu_work import Work, batched_nms_work, grid_fusion_work, roi_align_work
from gridrt.runtime import peaks as limits


def test_grid_fusion_counts_weights_features_and_taps_within_the_border() -> None:
    work = grid_fusion_work(rois=1, channels=16, side=3, precision="float16")

    # In and out 9 * 16 * 9 halves each; 48 edges of 16 * (25 + 1) and 16 * 16 + 16 halves.
    assert work.bytes == 2 * (2 * 1296 + 48 * (416 + 272))
    # Along a side of 3 every cell sees 3 taps, so 9 * 9 of the plane; 2 FLOP each.
    assert work.flops == {"float32": 2 * 48 * 16 * 81, "float16": 2 * 48 * 16 * 16 * 9}


def test_grid_fusion_of_r50_needs_two_and_a_half_gflop() -> None:
    """README of the kernel: 1.9 GFLOP of point-wise products, 0.5 of depth-wise ones within the borders."""
    half, single = (grid_fusion_work(100, 64, 7, precision) for precision in ("float16", "float32"))

    assert half.flops == {"float32": 2 * 48 * 100 * 64 * 29 * 29, "float16": 2 * 48 * 100 * 64 * 64 * 49}
    assert single.flops == {"float32": sum(half.flops.values())}
    assert single.bytes == 2 * half.bytes


def test_roi_align_counts_each_cell_that_is_seen_once() -> None:
    maps = [torch.empty((1, 8, 32 // 2**level, 32 // 2**level)) for level in range(4)]
    # Pixels 8 to 24 are cells 2 to 6 of the finest level, with centres up to one cell away 1 to 6; the second RoI is
    # the same, and the third beside it lies in pixels 24 to 32 across and 8 to 24 down.
    rois = torch.tensor([[0, 8, 8, 24, 24], [0, 8, 8, 24, 24], [0, 24, 8, 32, 24]], dtype=torch.float32)

    work = roi_align_work(maps, rois, (4, 8, 16, 32), 2, "float16")

    seen = 6 * (6 + 3)  # rows 1 to 6; columns 1 to 6, and of the third RoI 5 to 8
    seen -= 6  # 5 and 6 are among the first ones, and so 7 and 8 are new
    assert work.bytes == 2 * (8 * seen + 3 * 8 * 4) + 4 * 15
    # 4 cells on 2 bins are 2 samples, which read 3 cells; 2 cells on 2 bins are 1 sample, which reads 2.
    assert work.flops == {"float32": 2 * 8 * (2 * (6 * 6) + 6 * 4)}


def test_a_roi_without_length_needs_no_arithmetic() -> None:
    maps = [torch.empty((1, 1, 8, 8))] * 4

    assert roi_align_work(maps, torch.tensor([[0.0, 9, 9, 9, 9]]), (4, 8, 16, 32), 7, "float32").flops == {"float32": 0}


def test_suppression_counts_what_goes_in_and_comes_out() -> None:
    # 2 images: 10 boxes of 16 bytes and 30 scores of 4 each, 10 groups of 4 in all; out 5 rows of 24 bytes.
    assert batched_nms_work((2, 10, 4), (2, 10, 3), 5) == Work(2 * (160 + 120) + 40 + 2 * 120, {})


def test_the_share_is_of_the_limit_that_takes_longer() -> None:
    limits = Peaks(bytes_per_second=100.0, flops={"float32": 10.0, "float16": 40.0})

    assert limits.share(Work(100, {"float32": 5}), seconds=4.0) == (0.25, "memory")
    assert limits.share(Work(100, {"float32": 5, "float16": 60}), seconds=4.0) == (0.5, "arithmetic")
    assert limits.share(Work(100, {}), seconds=2.0) == (0.5, "memory")


@pytest.fixture
def tf32() -> Iterator[None]:
    """PyTorch rounds factors, until a test is done with its settings."""
    settings: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [each.allow_tf32 for each in settings]
    for each in settings:
        each.allow_tf32 = True
    yield
    for each, allowed in zip(settings, before, strict=True):
        each.allow_tf32 = allowed


@pytest.mark.usefixtures("tf32")
def test_the_limits_are_those_of_the_bench_in_both_precisions_without_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(device: torch.device, dtype: torch.dtype) -> limits.Peaks:
        assert device == torch.device("cuda")
        assert not torch.backends.cuda.matmul.allow_tf32
        assert not torch.backends.cudnn.allow_tf32
        size = dtype.itemsize
        return limits.Peaks(flops=100.0 / size, bytes=10.0 + size, dtype=str(dtype), element_size=size)

    monkeypatch.setattr(limits, "measured_peaks", measured)

    assert measured_peaks() == Peaks(14.0, {"float32": 25.0, "float16": 50.0})


@pytest.mark.parametrize(("side", "within"), [(1, 1), (2, 4), (7, 29)])
def test_taps_within_a_small_map(side: int, within: int) -> None:
    assert grid_fusion_work(1, 16, side, "float16").flops["float32"] == 2 * 48 * 16 * within**2
