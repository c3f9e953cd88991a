from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.ops.custom_ops import DEFINITIONS
from gridrt.ops.grid_decode import grid_decode
from gridrt.runtime.pytorch import stage_times as torch_stages
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.runtime.pytorch.stage_times import Stopwatch, torch_stage_times
from gridrt.stages import STAGES, Stage


class FakeClock:
    """Passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def mark(self) -> float:
        return self.now

    def seconds(self, start: float, end: float) -> float:
        return end - start


def seconds_of(variant: str, untrained: Callable[[str], GridRCNN]) -> dict[Stage, float]:
    session = TorchSession(untrained(variant), "cpu")
    images = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), np.uint8)
    times = torch_stage_times(session, images, np.array([[60, 90]], np.int32), warm_up=1, runs=1)
    return dict(times.seconds)


def test_time_between_stages_is_in_other() -> None:
    clock = FakeClock()
    stopwatch = Stopwatch(clock)

    def run() -> None:
        clock.now += 1
        with stopwatch.stage("rpn"):
            clock.now += 2
        clock.now += 4
        with stopwatch.stage("decode"):
            clock.now += 8
        with stopwatch.stage("rpn"):
            clock.now += 16

    times = stopwatch.timed(run)

    assert {stage: seconds for stage, seconds in times.seconds.items() if seconds} == {
        "rpn": 18,
        "decode": 8,
        "other": 5,
    }
    assert stopwatch.timed(lambda: None).total == 0


def slowed(call: Callable[..., Any], clock: FakeClock) -> Callable[..., Any]:
    def slow(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever `call` takes and gives
        clock.now += 1
        return call(*args, **kwargs)

    return slow


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """By which stages are timed."""
    found = FakeClock()
    monkeypatch.setattr(torch_stages, "clock_of", lambda _device: found)
    return found


@pytest.mark.parametrize(
    ("part", "stage"),
    [
        ("normalize.forward", "input"),
        ("backbone.layer3.forward", "backbone"),
        ("neck.lateral_convs.0.forward", "fpn"),
        ("rpn_head.rpn_reg.forward", "rpn"),
        ("rpn_head.candidates", "proposals"),
        ("roi_head.bbox_head.fc_cls.forward", "box_head"),
        ("roi_head.grid_head.fusion_weights", "grid_fusion"),
        ("roi_head.grid_head.deconv2.forward", "grid_head"),
        ("roi_head.class_scores", "box_head"),
    ],
)
def test_a_part_that_is_slow_shows_in_its_stage(
    untrained: Callable[[str], GridRCNN], monkeypatch: pytest.MonkeyPatch, clock: FakeClock, part: str, stage: Stage
) -> None:
    module, _, method = part.rpartition(".")
    owner = untrained("tiny").get_submodule(module)
    monkeypatch.setattr(owner, method, slowed(getattr(owner, method), clock))

    seconds = seconds_of("tiny", untrained)

    assert {each for each in seconds if seconds[each]} == {stage}


@pytest.mark.parametrize(
    ("op", "stages"),
    [
        ("batched_nms", {"proposals", "detections"}),
        ("multi_level_roi_align", {"roi_align"}),
        ("grid_fusion", {"grid_fusion"}),
    ],
)
def test_a_custom_op_that_is_slow_shows_in_its_stages(
    untrained: Callable[[str], GridRCNN],
    monkeypatch: pytest.MonkeyPatch,
    clock: FakeClock,
    op: str,
    stages: set[Stage],
) -> None:
    slow: dict[str, Any] = {op: slowed(getattr(DEFINITIONS, op), clock)}
    monkeypatch.setattr(untrained("tiny"), "ops", replace(DEFINITIONS, **slow))

    seconds = seconds_of("tiny", untrained)

    assert {each for each in seconds if seconds[each]} == stages


def test_a_slow_decode_shows_in_its_stage(
    untrained: Callable[[str], GridRCNN], monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setattr("gridrt.model.grid_rcnn.grid_decode", slowed(grid_decode, clock))

    seconds = seconds_of("tiny", untrained)

    assert {each for each in seconds if seconds[each]} == {"decode"}


def test_the_baseline_has_the_same_stages_up_to_detections(untrained: Callable[[str], GridRCNN]) -> None:
    seconds = seconds_of("faster_tiny", untrained)

    assert {stage for stage in STAGES if not seconds[stage]} == {"grid_head", "grid_fusion", "decode"}


def test_timing_changes_no_result_and_leaves_the_model_unobserved(untrained: Callable[[str], GridRCNN]) -> None:
    session = TorchSession(untrained("tiny"), "cpu")
    images, sizes = np.full((1, 64, 96, 3), 128, np.uint8), np.array([[64, 96]], np.int32)
    expected = session.run(images, sizes)
    with session.model.observed(Stopwatch(FakeClock()).stage):
        found = session.run(images, sizes)

    for field in fields(expected):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(expected, field.name))
    assert session.model.stage_hook is nullcontext
