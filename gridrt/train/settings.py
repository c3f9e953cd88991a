"""What a training was asked for, and all of it that a run must not change when it goes on."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gridrt import processes
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.train.data import TrainingData
from gridrt.train.optimization import Precision
from gridrt.train.schedule import Schedule


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
        schedule: with the learning rate for the images of an iteration, of all processes.
        accumulate: batches of a process per iteration.
        precision: of the forward pass.
        save_every: iterations from one training state to the next; there is one at the end of each epoch, too.
        workers: processes that load images.
    """

    schedule: Schedule
    accumulate: int = 1
    precision: Precision = "off"
    save_every: int = 500
    workers: int = 2


def lasting_settings(model: GridRCNN, data: TrainingData, settings: Settings) -> dict[str, object]:
    """All that the weights depend on beside those of the start, and the set that the best AP was measured on."""
    schedule = asdict(settings.schedule)
    del schedule["eval_every"]
    run = {
        "accumulate": settings.accumulate,
        "precision": settings.precision,
        "seed": data.images.seed,
        "processes": processes.count(),
    }
    return {"variant": model.variant, **schedule, **run, **_of_data(data), **_of_model(model)}


def _of_data(data: TrainingData) -> dict[str, object]:
    return {
        "images": len(data.images),
        "training_set": data.training_digest(),
        "validation_set": data.validation_digest(),
    }


def _of_model(model: GridRCNN) -> dict[str, object]:
    """Which weights learn, and from which boxes."""
    heads = {
        "rpn": model.rpn_head.train_config,
        "roi": model.roi_head.train_config,
        "grid": getattr(model.roi_head, "grid_train_config", None),  # Faster R-CNN has none
    }
    return {"frozen": _frozen(model)} | {name: asdict(config) for name, config in heads.items() if config is not None}


def _frozen(model: GridRCNN) -> str:
    """Such as `9 weights of backbone.bn1, backbone.conv1, backbone.layer1`."""
    names = [name for name, weight in model.named_parameters() if not weight.requires_grad]
    parts = sorted({".".join(name.split(".")[:2]) for name in names})
    return f"{len(names)} weights of {', '.join(parts)}" if names else "nothing"
