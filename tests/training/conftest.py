"""A model and a data set so small that training takes seconds."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from gridrt.data.synthetic import CLASS_NAMES, write_synthetic
from gridrt.data.training import TrainingBatch
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build
from gridrt.model.untrained import deterministic_state_dict
from gridrt.types import GroundTruth

SCALE = (96, 64)


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    """A process that a shell starts in the background ignores Control-C; the trainings here do not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic data set: `train/` with 12 images, `val/` with 2, `instances_train.json`, `instances_val.json`."""
    folder = tmp_path_factory.mktemp("pictures")
    write_synthetic(folder, train_images=12, val_images=2, size=SCALE)
    return folder


@pytest.fixture
def make_model() -> Callable[[], GridRCNN]:
    """Makes `tiny` for the synthetic classes, with the same weights each time."""

    def make() -> GridRCNN:
        model = build("tiny", len(CLASS_NAMES))
        model.load_state_dict(deterministic_state_dict(model.state_dict(), "tiny"))
        model.class_names = CLASS_NAMES
        return model

    return make


@pytest.fixture
def batch() -> TrainingBatch:
    """Two noisy images, one with three objects and one with one."""
    noise = torch.randint(0, 256, (2, 96, 128, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    many = torch.tensor([[8.0, 10.0, 60.0, 70.0], [50.0, 20.0, 90.0, 90.0], [70.0, 5.0, 120.0, 40.0]])
    targets = [GroundTruth(many, torch.tensor([0, 2, 1])), GroundTruth(many[:1] + 20, torch.tensor([1]))]
    return TrainingBatch(noise, torch.tensor([[96, 128]] * 2, dtype=torch.int32), targets)
