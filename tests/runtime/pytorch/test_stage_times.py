from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import numpy as np
import pytest
import torch

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.pytorch import stage_times as torch_stages
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.runtime.pytorch.stage_times import Stopwatch, torch_stage_times, wrapped
from gridrt.stages import Stage


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


def test_a_stage_within_a_stage_stops_the_outer_one() -> None:
    clock = FakeClock()
    stopwatch = Stopwatch(clock)

    def run() -> None:
        clock.now += 1
        with stopwatch.stage("decode"):
            clock.now += 2
            with stopwatch.stage("nms"):
                clock.now += 4
            clock.now += 8
        clock.now += 16

    times = stopwatch.timed(run)

    assert {stage: seconds for stage, seconds in times.seconds.items() if seconds} == {
        "decode": 10,
        "nms": 4,
        "other": 17,
    }
    assert stopwatch.timed(lambda: None).total == 0


def test_an_error_leaves_every_stage() -> None:
    stopwatch = Stopwatch(FakeClock())

    with pytest.raises(ValueError, match="oops"), stopwatch.stage("nms"), stopwatch.stage("rpn"):
        raise ValueError("oops")

    assert stopwatch._open == ["other"]


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
        ("rpn_head.candidates", "rpn"),
        ("roi_head.bbox_head.fc_cls.forward", "box_head"),
        ("roi_head.grid_head.fusion_weights", "grid_head"),
        ("roi_head.grid_head.deconv2.forward", "grid_head"),
        ("roi_head.class_scores", "decode"),
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
    ("function", "stage"),
    [
        ("gridrt.ops.nms.nms_by_group", "nms"),
        ("gridrt.model.roi_head.multi_level_roi_align", "roi_align"),
        ("gridrt.model.grid_head.grid_fusion", "grid_head"),
        ("gridrt.model.grid_roi_head.grid_decode", "decode"),
    ],
)
def test_a_function_that_is_slow_shows_in_its_stage(
    untrained: Callable[[str], GridRCNN], monkeypatch: pytest.MonkeyPatch, clock: FakeClock, function: str, stage: Stage
) -> None:
    module, _, name = function.rpartition(".")
    monkeypatch.setattr(function, slowed(getattr(import_module(module), name), clock))

    seconds = seconds_of("tiny", untrained)

    assert {each for each in seconds if seconds[each]} == {stage}


def test_the_baseline_has_the_same_stages_but_for_the_grid(untrained: Callable[[str], GridRCNN]) -> None:
    seconds = seconds_of("faster_tiny", untrained)

    assert seconds["grid_head"] == 0
    assert all(seconds[stage] > 0 for stage in seconds if stage != "grid_head")


@pytest.fixture
def own_methods(untrained: Callable[[str], GridRCNN]) -> Iterator[GridRCNN]:
    """A model whose neck has a forward of its own."""
    model = untrained("tiny")
    own = model.neck.forward
    object.__setattr__(model.neck, "forward", own)
    yield model
    delattr(model.neck, "forward")


def state_of(model: GridRCNN) -> dict[str, object]:
    """All that the wrapping may touch."""
    users = ("gridrt.model.rpn_head", "gridrt.model.grid_roi_head")
    functions = {name: dict(vars(import_module(name))) for name in users}
    return functions | {name: dict(vars(module)) for name, module in model.named_modules()}


def test_afterwards_the_model_is_as_it_was(own_methods: GridRCNN) -> None:
    before = state_of(own_methods)

    def failing() -> None:
        with wrapped(own_methods, Stopwatch(FakeClock())):
            assert state_of(own_methods) != before
            raise RuntimeError("within")

    with pytest.raises(RuntimeError, match="within"):
        failing()

    assert state_of(own_methods) == before


def test_timing_changes_no_result(untrained: Callable[[str], GridRCNN]) -> None:
    model = untrained("tiny")
    images, sizes = torch.full((1, 64, 96, 3), 128, dtype=torch.uint8), torch.tensor([[64, 96]], dtype=torch.int32)
    with torch.inference_mode():
        expected = model(images, sizes)
        with wrapped(model, Stopwatch(FakeClock())):
            found = model(images, sizes)

    torch.testing.assert_close(found, expected, atol=0, rtol=0)
