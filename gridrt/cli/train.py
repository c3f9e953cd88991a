"""`gridrt train`: train a detector on annotated images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import options
from gridrt.cli.program import command_line
from gridrt.wording import counted

if TYPE_CHECKING:
    from gridrt.model.grid_rcnn import GridRCNN
    from gridrt.train import Schedule, Trainer, TrainingData
    from gridrt.train.state import Progress

PATH = click.Path(path_type=Path)
COUNT = click.IntRange(min=1)


@click.command("train")
@click.option("--images", type=PATH, required=True, metavar="DIR", help="Folder of the images.")
@click.option(
    "--annotations",
    type=PATH,
    required=True,
    multiple=True,
    metavar="FILE",
    help="Their boxes, as COCO's JSON. Give it again to train on several sets together.",
)
@click.option("--val-images", type=PATH, metavar="DIR", help="Images to evaluate on. [default: the folder of --images]")
@click.option("--val-annotations", type=PATH, metavar="FILE", help="Their boxes. [default: no evaluation]")
@click.option("--model", default="r50", show_default=True, help="The detector, such as tiny, r50 or r101.")
@click.option(
    "--backbone-weights",
    metavar="FILE",
    help="Start the backbone from these, of a ResNet by torchvision's names, of a detector, or of a name such as r50; "
    "else from noise.",
)
@click.option("--frozen-stages", type=click.IntRange(0, 4), help="Of the backbone. [default: the model's]")
@click.option("--schedule", default="2x", show_default=True, help="2x: as published. short: small sets, from scratch.")
@click.option("--epochs", type=COUNT, help="[default: the schedule's]")
@click.option("--batch-size", type=COUNT, help="Images at a time, of each process. [default: the schedule's]")
@click.option("--accumulate", type=COUNT, default=1, show_default=True, help="Batches for each change of the weights.")
@click.option(
    "--lr",
    type=click.FloatRange(min=0, min_open=True),
    help="Peak learning rate. [default: the schedule's, which for twice as many images for each change of the weights "
    "is twice as high with 2x, and 1.4 times (the square root) with short]",
)
@click.option(
    "--scale",
    type=COUNT,
    nargs=2,
    metavar="LONG SHORT",
    help="Most pixels on the long and on the short side of a resized image. [default: the schedule's]",
)
@click.option("--eval-every", type=COUNT, metavar="EPOCHS", help="[default: the schedule's]")
@click.option("--save-every", type=COUNT, default=100, show_default=True, metavar="ITERATIONS", help="And each epoch.")
@click.option("--amp", type=click.Choice(["off", "bf16", "fp16"]), default="off", show_default=True, help="On a GPU.")
@click.option("--device", help="Such as cpu or cuda:1. [default: the GPU, where there is one]")
@options.threads
@click.option("--workers", type=click.IntRange(min=0), default=2, show_default=True, help="Processes that load images.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("--out", type=PATH, default="training", show_default=True, metavar="DIR", help="Folder to write to.")
@click.option("--resume", is_flag=True, help="Go on from the folder's last state; begin where there is none.")
def command(*, out: Path, resume: bool, threads: int | None, **chosen: Any) -> None:  # noqa: ANN401 - click's options
    """Train a detector on annotated images.

    Writes last.pth and, with an evaluation, best.pth, which the other verbs take; log.jsonl and, where matplotlib is
    installed, curves.png; and checkpoint.pth, from which the same command with --resume goes on after a kill. With
    --resume from the start, one command is enough: it begins where there is no state. Several processes share the
    images of each step with: torchrun --nproc-per-node 2 -m gridrt train ...
    """
    import torch

    from gridrt import processes
    from gridrt.files import folder_for
    from gridrt.train.messages import tell

    if threads is not None:
        torch.set_num_threads(threads)
    with folder_for(out), processes.process_group():
        trainer = _trainer(chosen, out, resume=resume)
        try:
            trainer.run()
        except KeyboardInterrupt:
            tell("The same command with --resume goes on.")
            raise
        if processes.rank() == 0:
            _tell(trainer.progress, out, chosen["model"])


def _trainer(chosen: dict[str, Any], out: Path, *, resume: bool) -> Trainer:
    """Everything that a training takes, in the order in which mistakes are cheap to find."""
    from gridrt.runtime.pytorch.session import device_named
    from gridrt.train import Settings, Trainer

    device = device_named(chosen["device"])
    _check_amp(chosen["amp"], device.type)
    schedule = _schedule(chosen)
    data = _data(chosen, schedule)
    model = _model(chosen, data.images.class_names).to(device)
    settings = Settings(schedule, chosen["accumulate"], chosen["amp"], chosen["save_every"], chosen["workers"])
    return Trainer(model, data, settings, out, resume=resume)


def _check_amp(amp: str, device_type: str) -> None:
    from gridrt.errors import GridRTError

    if amp != "off" and device_type != "cuda":
        raise GridRTError("mixed precision needs a GPU", place="--amp", value=f"{amp} on {device_type}")


def _schedule(chosen: dict[str, Any]) -> Schedule:
    """The named schedule for the images of an iteration, with what the user would have otherwise."""
    from dataclasses import replace

    from gridrt import processes
    from gridrt.errors import GridRTError
    from gridrt.train import SCHEDULES

    if chosen["schedule"] not in SCHEDULES:
        rule = "the schedule must be one of " + ", ".join(SCHEDULES)
        raise GridRTError(rule, place="--schedule", value=chosen["schedule"])
    names = ("epochs", "batch_size", "scale", "eval_every")
    named = SCHEDULES[chosen["schedule"]]
    schedule = replace(named, **{name: chosen[name] for name in names if chosen[name] is not None})
    schedule = schedule.for_images(schedule.batch_size * chosen["accumulate"] * processes.count())
    return schedule if chosen["lr"] is None else replace(schedule, lr=chosen["lr"])


def _data(chosen: dict[str, Any], schedule: Schedule) -> TrainingData:
    from gridrt import processes
    from gridrt.data.coco import CocoDataset
    from gridrt.data.joined import JoinedDataset
    from gridrt.train import TrainingData

    validation = None
    if chosen["val_annotations"] is not None:
        validation = CocoDataset(chosen["val_images"] or chosen["images"], chosen["val_annotations"])
    joined = JoinedDataset([CocoDataset(chosen["images"], file) for file in chosen["annotations"]])
    fates = {"left out for want of area": joined.degenerate_boxes, "cut at the image's border": joined.cut_boxes}
    for fate, count in fates.items():
        if count and processes.rank() == 0:
            click.echo(f"{counted(count, 'box')} {fate}", err=True)
    return TrainingData(joined, validation, schedule.scale, chosen["seed"])


def _model(chosen: dict[str, Any], class_names: tuple[str, ...]) -> GridRCNN:
    import torch

    from gridrt.model.initialize import initialize
    from gridrt.model.presets import build
    from gridrt.model.zoo import locate
    from gridrt.train.backbone import load_backbone, refuse_frozen_noise

    model = build(chosen["model"], len(class_names))
    model.class_names = class_names
    if chosen["frozen_stages"] is not None:
        model.backbone.freeze(chosen["frozen_stages"])
    torch.manual_seed(chosen["seed"])
    initialize(model)
    if chosen["backbone_weights"] is None:
        refuse_frozen_noise(model)
    else:
        load_backbone(model, locate(chosen["backbone_weights"]))
    return model


def _tell(done: Progress, out: Path, variant: str) -> None:
    from gridrt.model.presets import BASELINES
    from gridrt.report.metrics import points
    from gridrt.train.folder import BEST, LAST

    evaluated = done.best_ap is not None
    weights = out / (BEST if evaluated else LAST)
    figure = f", AP {points(done.best_ap)}" if evaluated else ""
    following = ("detect", "IMAGES", "--model") if variant in BASELINES else ("export", "--weights")
    click.echo(
        f"{weights}{figure}, {counted(done.epoch, 'epoch')}, {counted(done.iteration, 'iteration')}, "
        f"{done.seconds:.1f} s. Next: {command_line(*following, weights)}"
    )
