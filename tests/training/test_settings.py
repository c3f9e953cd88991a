from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gridrt.config import GridTrainConfig, RoITrainConfig, RPNTrainConfig
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build
from gridrt.training.schedule import SGD, WarmUp
from gridrt.training.settings import Settings, fixed_settings
from tests.training.stand_ins import SCHEDULE, SETTINGS, data_of, one_weight


def changed(pictures: Path, settings: Settings = SETTINGS, model: GridRCNN | None = None, seed: int = 0) -> set[str]:
    """Names of what is not as it is without arguments."""
    before = fixed_settings(one_weight(), data_of(pictures), SETTINGS)
    after = fixed_settings(model or one_weight(), data_of(pictures, seed), settings)
    assert before.keys() == after.keys()
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 3},
        {"batch_size": 2},
        {"lr": 0.1},
        {"descent": SGD()},
        {"warm_up": WarmUp(7, 0.1)},
        {"scale": (128, 64)},
        {"max_gradient_norm": None},
    ],
)
def test_the_schedule_lasts(pictures: Path, change: dict[str, Any]) -> None:
    settings = replace(SETTINGS, schedule=replace(SCHEDULE, **change))

    assert changed(pictures, settings) == set(change)


def test_batches_of_an_iteration_precision_and_seed_last(pictures: Path) -> None:
    assert changed(pictures, replace(SETTINGS, accumulate=3)) == {"accumulate"}
    assert changed(pictures, replace(SETTINGS, amp="bf16")) == {"precision"}
    assert changed(pictures, seed=1) == {"seed"}


def test_the_detector_that_the_training_started_from_lasts(pictures: Path) -> None:
    assert changed(pictures, replace(SETTINGS, weights_sha256="0" * 64)) == {"weights"}


def test_the_number_of_processes_lasts(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gridrt.processes.count", lambda: 2)

    assert fixed_settings(one_weight(), data_of(pictures), SETTINGS)["processes"] == 2


def test_how_a_run_saves_loads_and_evaluates_may_change(pictures: Path) -> None:
    settings = Settings(replace(SCHEDULE, eval_every=7), accumulate=SETTINGS.accumulate, save_every=9, workers=3)

    assert changed(pictures, settings) == set()


def test_which_boxes_the_heads_learn_from_lasts(pictures: Path) -> None:
    model = one_weight()
    model.rpn_head.train_config = RPNTrainConfig(smooth_l1_beta=1.0)
    model.roi_head.train_config = RoITrainConfig(sample=replace(RoITrainConfig().sample, count=7))
    model.roi_head.grid_train_config = GridTrainConfig(max_rois=7)  # type: ignore[assignment]

    assert changed(pictures, model=model) == {"rpn", "roi", "grid"}


@pytest.mark.parametrize(("variant", "heads"), [("tiny", {"rpn", "roi", "grid"}), ("faster_tiny", {"rpn", "roi"})])
def test_the_detectors_that_have_a_name_have_them(pictures: Path, variant: str, heads: set[str]) -> None:
    found = fixed_settings(build(variant, 6), data_of(pictures), SETTINGS)

    assert {name for name in ("rpn", "roi", "grid") if name in found} == heads
    assert found["variant"] == variant


def test_frozen_stages_last(pictures: Path) -> None:
    model = build("tiny", 6)
    model.backbone.freeze(1)

    found = fixed_settings(model, data_of(pictures), SETTINGS)["frozen"]

    assert str(found).endswith(" weights of backbone.bn1, backbone.conv1, backbone.layer1")
