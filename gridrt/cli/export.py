"""`gridrt export`: a checkpoint to one ONNX file."""

from __future__ import annotations

import time
from pathlib import Path

import click

from gridrt.cli import options
from gridrt.cli.program import command_line
from gridrt.cli.progress import ticking
from gridrt.formatting import format_count, format_scale_with_origin


@click.command("export")
@click.option("--weights", required=True, metavar="MODEL", help="Checkpoint file, or a name: r50, tiny_bccd, ...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="ONNX file to write. [default: named after the weights, in the current folder]",
)
@click.option("--verify/--no-verify", default=True, show_default=True, help="Run both sides on an image, and compare.")
@click.option(
    "--image", type=click.Path(path_type=Path), metavar="FILE", help="Image to verify on. [default: a synthetic one]"
)
@click.option(
    "--scale",
    type=click.IntRange(min=1),
    nargs=2,
    metavar="LONG SHORT",
    help="Note in the file that the model learned from images of this scale: most pixels on the long and on the short "
    "side. [default: the checkpoint's; where it notes none, 1333 800 is assumed]",
)
@options.trust_checkpoint
def command(
    *,
    weights: str,
    out: Path | None,
    verify: bool,
    image: Path | None,
    scale: tuple[int, int] | None,
    trust_checkpoint: bool,
) -> None:
    """Turn a checkpoint into one ONNX file that any ONNX Runtime runs.

    The file takes uint8 RGB images of any size and holds everything from normalisation to the final boxes.
    """
    from gridrt.api import export_onnx

    started = time.perf_counter()
    if image is not None and not verify:
        raise click.UsageError("--image is the image to verify on; leave out --no-verify.")
    with ticking(f"exporting {weights}"):
        done = export_onnx(weights, out, scale=scale, verify=verify, image=image, trust_checkpoint=trust_checkpoint)
    if done.verification is not None:
        click.echo(str(done.verification))
    click.echo(
        f"{done.variant}, {format_count(len(done.class_names), 'class')}, "
        f"{format_scale_with_origin(done.scale, done.scale_origin)}, in {done.file}, {done.size / 1e6:.1f} MB, "
        f"{time.perf_counter() - started:.1f} s. Next: {command_line('detect', 'IMAGE', '--model', done.file)}"
    )
