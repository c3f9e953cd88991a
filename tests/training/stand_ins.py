"""A training of one weight: all but the model and the evaluation is real, and an iteration takes a millisecond."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import torch
from torch import Tensor, nn

from gridrt.config import (
    DetectionConfig,
    GridTrainConfig,
    PixelConfig,
    ProposalConfig,
    RoITrainConfig,
    RPNTrainConfig,
)
from gridrt.data.coco import CocoDataset
from gridrt.data.synthetic import CLASS_NAMES
from gridrt.eval import AveragePrecision, Metrics
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.ops.randomness import Randomness
from gridrt.training import SCHEDULES, Settings, Trainer, TrainingData
from gridrt.training.optimization import Optimization
from gridrt.types import GroundTruth
from tests.moments import signal_at

SCALE = (96, 64)
PER_EPOCH = 6  # iterations: 12 images, two batches of one each
SCHEDULE = replace(SCHEDULES["short"], epochs=2, batch_size=1, scale=SCALE, eval_every=1)
SETTINGS = Settings(SCHEDULE, accumulate=2, save_every=1, workers=0)


class OneWeight(nn.Module):
    """What a training needs of a model. The losses depend on the images and the randomness of an iteration."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.5))
        self.variant, self.class_names, self.scale = "one weight", CLASS_NAMES, (1333, 800)
        self.normalize = SimpleNamespace(pixels=PixelConfig())
        self.rpn_head = SimpleNamespace(train_config=RPNTrainConfig(), proposals=ProposalConfig())
        self.roi_head = SimpleNamespace(
            train_config=RoITrainConfig(), grid_train_config=GridTrainConfig(), detections=DetectionConfig()
        )

    def losses(
        self, images: Tensor, _sizes: Tensor, _targets: list[GroundTruth], randomness: Randomness
    ) -> dict[str, Tensor]:
        seen = images[:, :, :32].float().mean() / 255  # a part, so that flips show
        return {"loss_a": (self.weight - seen) ** 2, "loss_b": self.weight * randomness.uniform((1,), 0, 1)[0]}


def one_weight() -> GridRCNN:
    return cast("GridRCNN", OneWeight())


def weight_of(model: GridRCNN) -> float:
    return float(next(iter(model.parameters())).detach())


def data_of(pictures: Path, seed: int = 0, *, evaluated: bool = True) -> TrainingData:
    """The synthetic data set."""
    validation = CocoDataset(pictures / "val", pictures / "instances_val.json") if evaluated else None
    return TrainingData(CocoDataset(pictures / "train", pictures / "instances_train.json"), validation, SCALE, seed)


Begin = Callable[..., Trainer]
"""Begins a training in a folder; takes what `Trainer` does by name, and has defaults for all of it."""


def beginning(pictures: Path) -> Begin:
    def begin(out: Path, **given: Any) -> Trainer:  # noqa: ANN401 - of several types
        out.mkdir(exist_ok=True)
        data = given.get("data") or data_of(pictures, evaluated=given.get("evaluated", True))
        model, settings = given.get("model") or one_weight(), given.get("settings", SETTINGS)
        return Trainer(model, data, settings, out, resume=given.get("resume", False))

    return begin


def metrics_of(ap: float | None) -> Metrics:
    overall = AveragePrecision(3, ap, 0.75, 0.25, None, None, None, None, None)
    return Metrics(2, overall, dict.fromkeys(CLASS_NAMES, overall))


def records_in(folder: Path) -> list[dict[str, Any]]:
    """Of the log, without the time they took."""
    lines = (folder / "log.jsonl").read_text().splitlines()
    return [{name: value for name, value in json.loads(line).items() if name != "seconds"} for line in lines]


def train_until(call: int, pictures: Path, out: Path, settings: Settings) -> None:
    """A training in a process of its own, killed at a call of a function, counted from the second iteration on.

    `out / "steps"` has a byte for each iteration, and at the end `out / "calls"` the number of calls.
    """
    step, counting = Optimization.step, signal_at(call, signal.SIGKILL)

    def step_and_count(*given: Any) -> dict[str, float]:  # noqa: ANN401 - passed on
        with (out / "steps").open("a") as steps:
            steps.write(".")
            if steps.tell() == 2:  # the first one imports much
                made.append(stack.enter_context(counting))
        return step(*given)

    made = list[Callable[[], int]]()
    with ExitStack() as stack:
        stack.enter_context(patch.object(Optimization, "step", step_and_count))
        stack.enter_context(patch("gridrt.training.trainer.evaluate", lambda *_: metrics_of(0.5)))
        stack.enter_context(patch("gridrt.training.recorder.draw_curves"))
        beginning(pictures)(out, settings=settings).run()
        (out / "calls").write_text(str(made[0]()))
