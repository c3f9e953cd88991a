from __future__ import annotations

from gridrt.bench.floor import Floor, floors, stage_floors
from gridrt.bench.work import Work
from gridrt.runtime.peaks import Peaks
from gridrt.stages import STAGES


def test_the_longer_of_arithmetic_and_memory_is_the_floor() -> None:
    limits = Peaks(flops=100.0, bytes=10.0, dtype="float16", element_size=2)
    multiplying, moving = Work(flops=800, elements=20), Work(flops=100, elements=20, pixels=5)

    assert floors({"backbone": multiplying, "input": moving, "decode": Work()}, limits) == {
        "backbone": Floor(multiplying, 8.0, "arithmetic"),
        "input": Floor(moving, 4.5, "memory"),
        "decode": Floor(Work(), 0.0, "arithmetic"),
    }


def test_more_detections_raise_the_floor_of_the_stages_that_work_on_them_alone() -> None:
    limits = Peaks(flops=1e9, bytes=1e9, dtype="float32", element_size=4)

    few, many = (stage_floors("tiny", 4, (1, 64, 96), limits, proposals=100, detections=n) for n in (1, 50))

    assert {stage for stage in STAGES if few[stage] != many[stage]} == {"roi_align", "grid_head", "grid_fusion"}
    assert many["grid_head"].seconds > few["grid_head"].seconds
