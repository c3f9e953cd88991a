from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gridrt.bench.work import Work, WorkCounter, stage_work
from gridrt.errors import GridRTError
from gridrt.stages import STAGES, Stage

# GFLOP of backbone, FPN, RPN convolutions, class head (1000 RoIs) and grid head (100 RoIs), counted on the modules of
# the reference implementation, mmdetection 3.3.0.
REFERENCE = {
    ("r50", 1344): (175.16, 121.80, 106.29, 27.95, 226.67, 657.87),
    ("r50", 1333): (174.67, 121.13, 105.70, 27.95, 226.67, 656.11),
    ("r101", 1344): (334.26, 121.80, 106.29, 27.95, 226.67, 816.97),
    ("r101", 1333): (333.76, 121.13, 105.70, 27.95, 226.67, 815.21),
    ("x101_32x4d", 1344): (341.48, 121.80, 106.29, 27.95, 226.67, 824.19),
    ("x101_32x4d", 1333): (340.95, 121.13, 105.70, 27.95, 226.67, 822.40),
    ("x101_64x4d", 1344): (662.50, 121.80, 106.29, 27.95, 226.67, 1145.21),
    ("x101_64x4d", 1333): (661.51, 121.13, 105.70, 27.95, 226.67, 1142.96),
}


@pytest.mark.parametrize(("variant", "width"), list(REFERENCE))
def test_arithmetic_is_that_of_the_reference_stage_by_stage(variant: str, width: int) -> None:
    work = stage_work(variant, 80, (1, 800, width), proposals=1000, detections=100)

    stages: tuple[Stage, ...] = ("backbone", "fpn", "rpn", "box_head", "grid_head")
    counted = [work[stage].flops / 1e9 for stage in stages]
    counted[-1] += work["grid_fusion"].flops / 1e9
    *expected, whole = REFERENCE[variant, width]
    assert counted == pytest.approx(expected, abs=0.0051)
    assert sum(each.flops for each in work.values()) / 1e9 == pytest.approx(whole, abs=0.0051)
    assert tuple(work) == STAGES


def counted(layer: nn.Module, *shape: int) -> Work:
    with torch.device("meta"), torch.no_grad(), WorkCounter() as counter:
        layer.to("meta")(torch.empty(shape))
    return Work(counter.flops, counter.elements)


def test_a_convolution_reads_input_weights_and_bias_and_writes_its_output_once() -> None:
    # 2 images of 3 channels of 8 x 8 cells, to 4 channels of 4 x 4 cells, from 3 x 3 cells each.
    assert counted(nn.Conv2d(3, 4, 3, stride=2, padding=1), 2, 3, 8, 8) == Work(
        flops=2 * (2 * 4 * 16) * (3 * 9), elements=2 * 3 * 64 + 4 * 3 * 9 + 4 + 2 * 4 * 16
    )


def test_groups_have_their_own_channels_alone() -> None:
    assert counted(nn.Conv2d(4, 8, 1, groups=2, bias=False), 1, 4, 5, 5) == Work(
        flops=2 * 8 * 25 * 2, elements=4 * 25 + 8 * 2 + 8 * 25
    )


def test_a_transposed_convolution_multiplies_each_input_by_all_taps() -> None:
    assert counted(nn.ConvTranspose2d(2, 3, 4, 2, 1, bias=False), 1, 2, 5, 5) == Work(
        flops=2 * (2 * 25) * (3 * 16), elements=2 * 25 + 2 * 3 * 16 + 3 * 100
    )


def test_a_matrix_product_counts_with_its_bias() -> None:
    assert counted(nn.Linear(6, 5), 7, 6) == Work(flops=2 * 7 * 6 * 5, elements=7 * 6 + 6 * 5 + 5 + 7 * 5)


def test_what_works_on_single_elements_is_free() -> None:
    class Elementwise(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.relu(x + 1) * x

    assert counted(Elementwise(), 4, 4) == Work()


def test_the_ends_of_the_network_count_what_they_write_and_the_pixels_they_read() -> None:
    work = stage_work("tiny", 4, (2, 64, 96, 3), proposals=2000, detections=14)

    assert work["input"] == Work(elements=2 * 3 * 64 * 96, pixels=2 * 3 * 64 * 96)
    assert work["roi_align"] == Work(elements=64 * (2000 * 7 * 7 + 14 * 14 * 14))
    assert work["proposals"] == work["detections"] == work["decode"] == work["other"] == Work()


def test_bytes_follow_the_type_but_for_pixels() -> None:
    work = Work(flops=1, elements=10, pixels=3)

    assert [work.bytes_in(size) for size in (4, 2, 1)] == [43, 23, 13]


def test_the_baseline_has_deltas_and_no_grid() -> None:
    work = stage_work("faster_tiny", 4, (1, 64, 96), proposals=10, detections=10)

    hidden, pooled = 128, 64 * 49
    assert work["box_head"].flops == 2 * 10 * (pooled * hidden + hidden * hidden + hidden * 5 + hidden * 16)
    assert work["grid_head"] == Work()
    assert work["roi_align"].elements == 10 * pooled


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(GridRTError, match="r51"):
        stage_work("r51", 80, (1, 64, 64), proposals=1, detections=1)
