"""`gridrt export`: a checkpoint to one ONNX file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from gridrt.cli import options, paths
from gridrt.cli.messages import say
from gridrt.cli.program import command_line, with_flags
from gridrt.cli.progress import ticking
from gridrt.formatting import format_count, format_scale_with_origin


@click.command("export")
@options.model_argument("--weights", required=True)
@click.option(
    "--out",
    type=paths.OUTPUT,
    metavar="FILE",
    help="ONNX file to write. [default: named after the weights, in the current folder]",
)
@click.option("--verify/--no-verify", default=True, show_default=True, help="Run both sides on an image, and compare.")
@click.option("--image", type=paths.INPUT, metavar="FILE", help="Image to verify on. [default: a synthetic one]")
@click.option(
    "--scale",
    type=click.IntRange(min=1),
    nargs=2,
    metavar="LONG SHORT",
    help="Note in the file that the model learned from images of this scale: most pixels on the long and on the short "
    "side. [default: the checkpoint's; where it notes none, 1333 800 is assumed]",
)
@click.option(
    "--class-names",
    type=paths.NAME,
    metavar="NAMES",
    help="Names of the classes in the order of the labels: a text file with one a line, or a list such as cat,dog. "
    "[default: the checkpoint's; where it has none, COCO's for 80 classes, else class 0, class 1, ...]",
)
@click.option(
    "--max-detections",
    type=click.IntRange(min=1),
    metavar="N",
    help="Most detections in an image, up to the 1000 proposals. [default: the checkpoint's, else 100]",
)
@click.option(
    "--score-threshold",
    type=click.FloatRange(0, 1),
    metavar="SCORE",
    help="Detections must exceed it. [default: the checkpoint's, else 0.03]",
)
@click.option(
    "--iou-threshold",
    type=click.FloatRange(0, 1),
    metavar="IOU",
    help="Suppress detections that overlap a better one of their class by more. [default: the checkpoint's, else 0.3]",
)
@options.trust_checkpoint
def command(
    *,
    model: str,
    out: Path | None,
    verify: bool,
    image: Path | None,
    **chosen: Any,  # noqa: ANN401 - those of export_onnx
) -> None:
    """Turn a checkpoint into one ONNX file that any ONNX Runtime runs.

    MODEL is a checkpoint file, or the name of one: r50, tiny_bccd, ...

    The file takes uint8 RGB images of any size and holds everything from normalisation to the final boxes.
    """
    from gridrt.api import export_onnx

    started = time.perf_counter()
    if image is not None and not verify:
        raise click.UsageError("--image is the image to verify on; leave out --no-verify.")
    with ticking(f"exporting {model}"):
        done = export_onnx(model, out, verify=verify, image=image, **chosen)
    if done.verification is not None:
        say(with_flags(done.verification))
    say(
        f"{done.variant}, {format_count(len(done.class_names), 'class')}, "
        f"{format_scale_with_origin(done.scale, done.scale_origin)}, in {done.file}, {done.size / 1e6:.1f} MB, "
        f"{time.perf_counter() - started:.1f} s. Next: {command_line('detect', 'IMAGE', '--model', done.file)}"
    )
