"""The settings of a training, and which of them a resumed run must not change."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gridrt import processes
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.training.data import TrainingData
from gridrt.training.optimization import Amp
from gridrt.training.schedule import Schedule


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
        schedule: its learning rate is that for the images per iteration, in all processes together.
        accumulate: batches per iteration and process.
        amp: type of the forward pass.
        save_every: iterations between saved states; the state is also saved after each epoch and when interrupted.
        workers: processes that load images.
        weights_sha256: SHA-256 of the file of the detector that the training starts from; None starts from none.
    """

    schedule: Schedule
    accumulate: int = 1
    amp: Amp = "off"
    save_every: int = 100
    workers: int = 2
    weights_sha256: str | None = None


def fixed_settings(model: GridRCNN, data: TrainingData, settings: Settings) -> dict[str, object]:
    """Everything that must not change when a run is resumed: it determines the weights, or the best AP."""
    schedule = asdict(settings.schedule)
    del schedule["eval_every"]
    heads = {
        "rpn": model.rpn_head.train_config,
        "roi": model.roi_head.train_config,
        "grid": getattr(model.roi_head, "grid_train_config", None),  # Faster R-CNN has none
    }
    return {
        "variant": model.variant,
        **schedule,
        "accumulate": settings.accumulate,
        "precision": settings.amp,
        "weights": settings.weights_sha256,
        "seed": data.images.seed,
        "processes": processes.count(),
        "images": len(data.images),
        "training_set": data.training_digest(),
        "validation_set": data.validation_digest(),
        "frozen": _frozen(model),
        **{name: asdict(config) for name, config in heads.items() if config is not None},
    }


def _frozen(model: GridRCNN) -> str:
    """Such as `9 weights of backbone.bn1, backbone.conv1, backbone.layer1`."""
    names = [name for name, weight in model.named_parameters() if not weight.requires_grad]
    parts = sorted({".".join(name.split(".")[:2]) for name in names})
    return f"{len(names)} weights of {', '.join(parts)}" if names else "nothing"
