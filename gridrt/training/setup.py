"""What a training starts from: its schedule, its data and its initial weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from gridrt import processes
from gridrt.data.coco import CocoDataset
from gridrt.data.joined import JoinedDataset
from gridrt.errors import CheckpointError, GridRTError
from gridrt.formatting import format_count, listed
from gridrt.model.checkpoint import load_model
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.initialize import initialize
from gridrt.model.presets import build
from gridrt.model.zoo import locate
from gridrt.runtime.pytorch.session import device_named
from gridrt.training.backbone import load_backbone, refuse_frozen_noise
from gridrt.training.data import TrainingData
from gridrt.training.fine_tuning import start_from
from gridrt.training.messages import write_line
from gridrt.training.schedule import SCHEDULES, Schedule

DEFAULT_VARIANT = "r50"


def schedule_named(name: str, accumulate: int, lr: float | None, **changes: Any) -> Schedule:  # noqa: ANN401 - by field
    """A schedule with the learning rate for the images of one iteration.

    Args:
        name: of a schedule in `SCHEDULES`.
        accumulate: batches per iteration.
        lr: peak learning rate; None scales the schedule's to the images of an iteration, of all processes.
        changes: values of the schedule's fields; None keeps the schedule's.

    Raises:
        GridRTError: there is no schedule of that name, or `lr` is not positive.
    """
    if name not in SCHEDULES:
        raise GridRTError(f"the schedule must be one of {', '.join(SCHEDULES)}", place="`schedule`", value=name)
    if lr is not None and not lr > 0:
        raise GridRTError("must be above 0", place="`lr`", value=lr)
    given = {field: value for field, value in changes.items() if value is not None}
    schedule = replace(SCHEDULES[name], **given)
    schedule = schedule.for_images(schedule.batch_size * accumulate * processes.count())
    return schedule if lr is None else replace(schedule, lr=lr)


def training_data(
    images: Path,
    annotations: Sequence[Path],
    validation: tuple[Path, Path] | None,
    scale: tuple[int, int],
    seed: int,
    *,
    allow_missing: bool = False,
) -> TrainingData:
    """The annotated images of a training; stderr names how many boxes were dropped or clipped.

    Args:
        images: folder of the images.
        annotations: at least one file of COCO's JSON; several are joined.
        validation: folder and annotation file of the images to evaluate on; None evaluates on none.
        scale: most pixels on the long and on the short side of a resized image.
        seed: of the order of the images and their augmentation.
        allow_missing: leave out images that are listed but not there, with a warning.

    Raises:
        DataError: a file is unsound, the sets have different classes, or there is nothing to learn.
    """
    held_out = None if validation is None else CocoDataset(*validation, allow_missing=allow_missing)
    joined = JoinedDataset([CocoDataset(images, file, allow_missing=allow_missing) for file in annotations])
    if joined.degenerate_boxes:
        write_line(f"{format_count(joined.degenerate_boxes, 'box')} without area left out")
    if joined.cut_boxes:
        write_line(f"{format_count(joined.cut_boxes, 'box')} clipped to the image")
    return TrainingData(joined, held_out, scale, seed)


def initial_model(
    variant: str | None,
    class_names: tuple[str, ...],
    weights: str | Path | None,
    backbone_weights: str | Path | None,
    frozen_stages: int | None,
    seed: int,
) -> GridRCNN:
    """A detector before its first iteration, on the CPU.

    Args:
        variant: name of a preset, such as "r50"; None takes that of `weights`, or "r50".
        class_names: in the order of the labels.
        weights: file or name of a trained detector to start from; stderr names the layers that start anew, since its
            classes are not these. None starts from random weights.
        backbone_weights: file or name of trained weights for the backbone; None leaves it random.
        frozen_stages: stages of the backbone that keep their weights, 0 to 4; None leaves the preset's.
        seed: of the random weights.

    Raises:
        GridRTError: there is no such preset, stages are frozen that have no trained weights, or both kinds of weights
            are given.
        CheckpointError: the weights cannot be read, or are of another variant or backbone.
    """
    if weights is not None and backbone_weights is not None:
        raise GridRTError(
            "cannot start from a detector and from a backbone",
            place="`weights`, `backbone_weights`",
            value=f"{weights}, {backbone_weights}",
            remedy="Leave one out.",
        )
    trained = None if weights is None else load_model(weights)
    if variant is None:
        variant = DEFAULT_VARIANT if trained is None else trained.variant
    if trained is not None and trained.variant != variant:
        raise CheckpointError(
            f"expected weights of {variant}, got {trained.variant}",
            place=str(weights),
            remedy="Leave out `model`, which then is that of `weights`.",
        )
    model = build(variant, len(class_names))
    model.class_names = class_names
    if frozen_stages is not None:
        model.backbone.freeze(frozen_stages)
    torch.manual_seed(seed)
    initialize(model)
    if trained is not None:
        new = start_from(model, trained)
        anew = f"; anew, since the classes differ: {listed(new)}" if new else ""
        write_line(f"starts from {weights}: {len(model.state_dict()) - len(new)} tensors{anew}")
    elif backbone_weights is not None:
        load_backbone(model, locate(backbone_weights))
    else:
        refuse_frozen_noise(model)
    return model


def training_device(name: str | None, amp: str) -> torch.device:
    """The device to train on, which can compute in the precision asked for.

    Args:
        name: such as "cpu" or "cuda:1"; None takes the GPU where there is one.
        amp: "off", "bf16" or "fp16".

    Raises:
        DependencyError: the device is not on this machine.
        GridRTError: mixed precision is asked for on a CPU.
    """
    device = device_named(name)
    if amp != "off" and device.type != "cuda":
        raise GridRTError("mixed precision must run on a GPU", place="`amp`", value=f"{amp} on {device.type}")
    return device
