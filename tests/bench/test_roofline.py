from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gridrt.bench.roofline import Bound, Cost, CostCounter, bound_of, stage_bounds, stage_costs, stage_rows
from gridrt.data.transform import Batch
from gridrt.errors import GridRTError
from gridrt.runtime.backend import Availability, Backend, Session, SessionOptions
from gridrt.runtime.info import ModelInfo
from gridrt.runtime.peaks import Peaks
from gridrt.stages import STAGES, Stage, StageTimes
from gridrt.types import Int32Array, UInt8Array
from tests.fakes import FakeSession

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
def test_flops_are_those_of_the_reference_stage_by_stage(variant: str, width: int) -> None:
    costs = stage_costs(variant, 80, (1, 800, width), proposals=1000, detections=100)

    parts: list[tuple[Stage, ...]] = [("backbone",), ("fpn",), ("rpn",), ("box_head",), ("grid_head", "grid_fusion")]
    counted = [sum(costs[stage].flops for stage in part) / 1e9 for part in parts]
    *expected, whole = REFERENCE[variant, width]
    assert counted == pytest.approx(expected, abs=0.0051)
    assert sum(each.flops for each in costs.values()) / 1e9 == pytest.approx(whole, abs=0.0051)
    assert tuple(costs) == STAGES


def counted(layer: nn.Module, *shape: int) -> Cost:
    with torch.device("meta"), torch.no_grad(), CostCounter() as counter:
        layer.to("meta")(torch.empty(shape))
    return Cost(counter.flops, counter.elements)


def test_a_convolution_reads_input_weights_and_bias_and_writes_its_output_once() -> None:
    # 2 images of 3 channels of 8 x 8 cells, to 4 channels of 4 x 4 cells, from 3 x 3 cells each.
    assert counted(nn.Conv2d(3, 4, 3, stride=2, padding=1), 2, 3, 8, 8) == Cost(
        flops=2 * (2 * 4 * 16) * (3 * 9), elements=2 * 3 * 64 + 4 * 3 * 9 + 4 + 2 * 4 * 16
    )


def test_groups_have_their_own_channels_alone() -> None:
    assert counted(nn.Conv2d(4, 8, 1, groups=2, bias=False), 1, 4, 5, 5) == Cost(
        flops=2 * 8 * 25 * 2, elements=4 * 25 + 8 * 2 + 8 * 25
    )


def test_a_transposed_convolution_multiplies_each_input_by_all_taps() -> None:
    assert counted(nn.ConvTranspose2d(2, 3, 4, 2, 1, bias=False), 1, 2, 5, 5) == Cost(
        flops=2 * (2 * 25) * (3 * 16), elements=2 * 25 + 2 * 3 * 16 + 3 * 100
    )


def test_a_matrix_product_counts_with_its_bias() -> None:
    assert counted(nn.Linear(6, 5), 7, 6) == Cost(flops=2 * 7 * 6 * 5, elements=7 * 6 + 6 * 5 + 5 + 7 * 5)


def test_what_works_on_single_elements_is_free() -> None:
    class Elementwise(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.relu(x + 1) * x

    assert counted(Elementwise(), 4, 4) == Cost()


def test_the_ends_of_the_network_count_what_they_write_and_the_pixels_they_read() -> None:
    costs = stage_costs("tiny", 4, (2, 64, 96, 3), proposals=2000, detections=14)

    assert costs["input"] == Cost(elements=2 * 3 * 64 * 96, pixels=2 * 3 * 64 * 96)
    assert costs["roi_align"] == Cost(elements=64 * (2000 * 7 * 7 + 14 * 14 * 14))
    assert costs["proposals"] == costs["detections"] == costs["decode"] == costs["other"] == Cost()


def test_bytes_follow_the_type_but_for_pixels() -> None:
    cost = Cost(flops=1, elements=10, pixels=3)

    assert [cost.bytes_in(size) for size in (4, 2, 1)] == [43, 23, 13]


def test_the_baseline_has_deltas_and_no_grid() -> None:
    costs = stage_costs("faster_tiny", 4, (1, 64, 96), proposals=10, detections=10)

    hidden, pooled = 128, 64 * 49
    assert costs["box_head"].flops == 2 * 10 * (pooled * hidden + hidden * hidden + hidden * 5 + hidden * 16)
    assert costs["grid_head"] == Cost()
    assert costs["roi_align"].elements == 10 * pooled


def test_an_unknown_variant_is_refused() -> None:
    with pytest.raises(GridRTError) as caught:
        stage_costs("r51", 80, (1, 64, 64), proposals=1, detections=1)
    assert caught.value.value == "r51"


@pytest.mark.parametrize(
    ("cost", "bound"),
    [
        (cost := Cost(flops=800, elements=20), Bound(cost, 8.0, "arithmetic")),
        (cost := Cost(flops=100, elements=20, pixels=5), Bound(cost, 4.5, "memory")),
        (Cost(), Bound(Cost(), 0.0, "arithmetic")),
    ],
)
def test_the_longer_of_arithmetic_and_memory_is_the_bound(cost: Cost, bound: Bound) -> None:
    peaks = Peaks(flops=100.0, bytes=10.0, dtype="float16", element_size=2)

    assert bound_of(cost, peaks) == bound


def test_more_detections_raise_the_bound_of_the_stages_that_work_on_them_only() -> None:
    peaks = Peaks(flops=1e9, bytes=1e9, dtype="float32", element_size=4)

    few, many = (stage_bounds("tiny", 4, (1, 64, 96), peaks, proposals=100, detections=n) for n in (1, 50))

    assert {stage for stage in STAGES if few[stage] != many[stage]} == {"roi_align", "grid_head", "grid_fusion"}
    assert many["grid_head"].seconds > few["grid_head"].seconds


BATCH = Batch(np.zeros((1, 256, 320, 3), np.uint8), np.array([[256, 320]], np.int32), np.ones((1, 2), np.float32))


class KnownSession(FakeSession):
    """Of a variant, and four classes."""

    variant: str | None = "tiny"

    @property
    def info(self) -> ModelInfo:
        return replace(super().info, variant=self.variant, class_names=("a", "b", "c", "d"))


class Staged(Backend):
    """A second for every stage, on a device whose peaks are known."""

    name = title = "staged"
    peaks_found: Peaks | None = Peaks(flops=1e9, bytes=1e9, dtype="float32", element_size=4)
    threads_seen = 0

    def opens(self, path: Path) -> bool:  # noqa: ARG002 - the protocol's
        return False

    def info(self, path: Path, options: SessionOptions) -> ModelInfo:
        raise NotImplementedError

    def open(self, path: Path, options: SessionOptions) -> Session:
        raise NotImplementedError

    def probe(self) -> Sequence[Availability]:
        return []

    def stage_times(
        self,
        session: Session,  # noqa: ARG002 - the protocol's
        images: UInt8Array,  # noqa: ARG002
        image_sizes: Int32Array,  # noqa: ARG002
        *,
        warm_up: int,  # noqa: ARG002
        runs: int,  # noqa: ARG002
    ) -> StageTimes | None:
        return StageTimes(dict.fromkeys(STAGES, 1.0))

    def peaks(self, session: Session) -> Peaks | None:  # noqa: ARG002 - the protocol's
        self.threads_seen = torch.get_num_threads()
        return self.peaks_found


class Opaque(Staged):
    """Cannot time stages."""

    def stage_times(self, *_: object, **__: object) -> None:
        return None


def bounds_of(backend: Backend, session: Session, detections: int = 10) -> dict[str, float | None]:
    return {row.name: row.bound for row in stage_rows(backend, session, BATCH, detections, None)}


def test_every_stage_has_its_time_and_those_that_multiply_a_bound() -> None:
    rows = stage_rows(Staged(), KnownSession(), BATCH, 10, None)

    expected = stage_bounds("tiny", 4, (1, 256, 320), Staged.peaks_found, proposals=1000, detections=10)  # type: ignore[arg-type] # it is known
    assert [(row.name, row.seconds) for row in rows] == [(stage, 1.0) for stage in STAGES]
    assert {row.name: row.bound for row in rows} == {name: each.seconds or None for name, each in expected.items()}
    assert rows[-1].bound is None


def test_with_dynamic_shapes_the_bound_of_the_grid_head_follows_the_detections() -> None:
    few, many = (bounds_of(Staged(), KnownSession(), found)["grid_head"] or 0 for found in (0, 10))

    assert many == pytest.approx(10 * few, rel=0.2)


def test_with_static_shapes_it_does_not() -> None:
    static = Staged()
    static.static_shapes = True

    few, many = (bounds_of(static, KnownSession(), found)["grid_head"] for found in (0, 10))

    assert few == many == bounds_of(Staged(), KnownSession(), 100)["grid_head"]


def test_without_peaks_or_variant_there_are_times_and_no_bounds() -> None:
    unknown, without_peaks = KnownSession(), Staged()
    unknown.variant, without_peaks.peaks_found = None, None

    for backend, session in ((Staged(), unknown), (without_peaks, KnownSession())):
        assert bounds_of(backend, session) == dict.fromkeys(STAGES)


def test_a_backend_that_cannot_time_stages_has_no_rows() -> None:
    assert stage_rows(Opaque(), KnownSession(), BATCH, 10, None) == []


def test_peaks_are_measured_with_the_threads_of_the_candidate() -> None:
    before, backend = torch.get_num_threads(), Staged()

    stage_rows(backend, KnownSession(), BATCH, 1, before + 1)
    torch.set_num_threads(before)

    assert backend.threads_seen == before + 1
