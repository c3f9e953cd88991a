"""`gridrt export`: a checkpoint to one ONNX file."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridrt.cli import options
from gridrt.cli.program import command_line
from gridrt.cli.progress import ticking
from gridrt.config import DEFAULT_SCALE, ScaleOrigin
from gridrt.formatting import format_count, format_scale_with_origin

if TYPE_CHECKING:
    from gridrt.model.grid_rcnn import GridRCNN


@click.command("export")
@click.option("--weights", required=True, metavar="MODEL", help="Checkpoint file, or a name: r50, tiny_bccd, ...")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="ONNX file to write. [default: named after the weights, here]",
)
@click.option("--verify/--no-verify", default=True, show_default=True, help="Run both sides on a picture and compare.")
@click.option(
    "--image",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Picture to verify on. [default: one that is drawn for it]",
)
@click.option(
    "--scale",
    type=click.IntRange(min=1),
    nargs=2,
    metavar="LONG SHORT",
    help="Most pixels on the long and on the short side of the images that the model learned from, to be noted in the "
    "file. [default: as the checkpoint notes; one that notes none leaves 1333 800 to be assumed]",
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
    from gridrt.export.onnx_export import onnx_from_model, save_onnx
    from gridrt.files import sha256_of
    from gridrt.model.checkpoint import load_model
    from gridrt.model.zoo import locate

    started = time.perf_counter()
    if image is not None and not verify:
        raise click.UsageError("--image is the picture to verify on; leave out --no-verify.")
    out = out or Path(Path(weights).stem + ".onnx")
    _check(out, scale)
    check = _verifier(image) if verify else None
    path = locate(weights)
    model = load_model(path, trust_checkpoint=trust_checkpoint)
    scale_told = _note(scale, model)
    with ticking(f"exporting {weights}"):
        graph = onnx_from_model(model, sha256_of(path))
    save_onnx(graph, out, check=None if check is None else partial(check, model))
    seconds = time.perf_counter() - started
    click.echo(
        f"{model.variant}, {format_count(len(model.class_names), 'class')}, {scale_told}, in {out}, "
        f"{out.stat().st_size / 1e6:.1f} MB, {seconds:.1f} s. Next: {command_line('detect', 'IMAGE', '--model', out)}"
    )


def _check(out: Path, scale: tuple[int, int] | None) -> None:
    """Refuse before the work what could not be written after it, or not be used."""
    from gridrt.data.transform import check_scale
    from gridrt.files import check_writable, require_suffix

    require_suffix(out, ".onnx", "an ONNX file")
    check_writable(out)
    if scale is not None:
        check_scale(scale)


def _note(scale: tuple[int, int] | None, model: GridRCNN) -> str:
    """Give the model the scale that was asked for, if any; tells which one its graph will be run at."""
    unasked: ScaleOrigin = "assumed" if model.scale is None else "noted"
    model.scale = scale or model.scale
    return format_scale_with_origin(model.scale or DEFAULT_SCALE, unasked if scale is None else "as asked")


def _verifier(image: Path | None) -> Callable[[GridRCNN, Path], None]:
    """What compares a model and its graph; the picture is read at once, so that a bad one stops early."""
    from gridrt.data.image import load_image
    from gridrt.export.drawn_picture import drawn_picture
    from gridrt.export.verify import verify_graph

    picture = drawn_picture() if image is None else load_image(image)

    def verify(model: GridRCNN, graph: Path) -> None:
        click.echo(str(verify_graph(model, graph, picture)))

    return verify
