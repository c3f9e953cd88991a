"""`gridrt train`: train a detector on annotated images."""

from __future__ import annotations

from typing import Any

import click

from gridrt.cli import options, paths, train_options
from gridrt.cli.messages import say
from gridrt.cli.program import command_line
from gridrt.formatting import format_count

COUNT = click.IntRange(min=1)


@click.command("train")
@click.option("--images", type=paths.INPUT_FOLDER, required=True, metavar="DIR", help="Folder of the images.")
@click.option(
    "--annotations",
    type=paths.INPUT,
    required=True,
    multiple=True,
    metavar="FILE",
    help="Their boxes, as COCO's JSON. Repeat it to train on several sets together.",
)
@click.option(
    "--val-images",
    type=paths.INPUT_FOLDER,
    metavar="DIR",
    help="Images to evaluate on. [default: the folder of --images]",
)
@click.option("--val-annotations", type=paths.INPUT, metavar="FILE", help="Their boxes. [default: no evaluation]")
@options.allow_missing
@train_options.model
@train_options.weights
@train_options.backbone_weights
@train_options.frozen_stages
@click.option(
    "--schedule", default="2x", show_default=True, help="2x: as published. short: small sets, from random weights."
)
@click.option("--epochs", type=COUNT, help="[default: the schedule's]")
@click.option("--batch-size", type=COUNT, help="Images at a time, in each process. [default: the schedule's]")
@click.option("--accumulate", type=COUNT, default=1, show_default=True, help="Batches per change of the weights.")
@click.option(
    "--lr",
    type=click.FloatRange(min=0, min_open=True),
    help="Peak learning rate. [default: the schedule's, scaled with the images per change of the weights: linearly for "
    "2x, by the square root for short]",
)
@click.option(
    "--scale",
    type=COUNT,
    nargs=2,
    metavar="LONG SHORT",
    help="Most pixels on the long and on the short side of a resized image. [default: the schedule's]",
)
@click.option("--eval-every", type=COUNT, metavar="EPOCHS", help="[default: the schedule's]")
@click.option(
    "--save-every",
    type=COUNT,
    default=100,
    show_default=True,
    metavar="ITERATIONS",
    help="How often to save the state; it is also saved after each epoch.",
)
@click.option(
    "--amp",
    type=click.Choice(["off", "bf16", "fp16"]),
    default="off",
    show_default=True,
    help="Mixed precision, on a GPU.",
)
@click.option("--device", help="Such as cpu or cuda:1. [default: the GPU, where there is one]")
@options.threads
@click.option("--workers", type=click.IntRange(min=0), default=2, show_default=True, help="Processes that load images.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--out", type=paths.OUTPUT_FOLDER, default="training", show_default=True, metavar="DIR", help="Folder to write to."
)
@click.option("--resume", is_flag=True, help="Continue from the folder's last state; begin where there is none.")
def command(**chosen: Any) -> None:  # noqa: ANN401 - those of api.train
    """Train a detector on annotated images.

    Writes last.pth and, with an evaluation, best.pth, which the other verbs take; log.jsonl and, where matplotlib is
    installed, curves.png; and checkpoint.pth, from which the same command with --resume continues after a kill. With
    --resume from the start, one command is enough: it begins where there is no state. Several processes share the
    images of each step with: torchrun --nproc-per-node 2 -m gridrt train ...
    """
    from gridrt import processes
    from gridrt.api import train
    from gridrt.model.presets import BASELINES
    from gridrt.report.metrics import points

    with processes.process_group():
        try:
            done = train(**chosen)
        except KeyboardInterrupt:
            if processes.rank() == 0:
                say("The same command with --resume continues.", err=True)
            raise
        if processes.rank() > 0:
            return
    figure = "" if done.best_ap is None else f", AP {points(done.best_ap)}"
    following = ("detect", "IMAGES", "--model") if done.variant in BASELINES else ("export",)
    say(
        f"{done.weights}{figure}, {format_count(done.epochs, 'epoch')}, {format_count(done.iterations, 'iteration')}, "
        f"{done.seconds:.1f} s. Next: {command_line(*following, done.weights)}"
    )
