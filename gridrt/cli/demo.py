"""`gridrt demo`: the main job from end to end, by the commands that a user would type."""

from __future__ import annotations

import shlex
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridrt.cli import detect, export, options
from gridrt.cli.progress import ticking
from gridrt.config import DEFAULT_SCALE

if TYPE_CHECKING:
    from gridrt.demo import Comparison

PREFACE = """\
The weights of this demo are untrained: its boxes mean nothing. What it shows is that PyTorch and ONNX Runtime find
the same ones. Each line after a $ is the command that runs, and that does the same for your own checkpoint in place of
{checkpoint}."""


@click.command("demo")
@click.option("--out", type=click.Path(path_type=Path), default="demo", show_default=True, help="Folder to write to.")
@options.scale
@click.pass_context
def command(context: click.Context, *, out: Path, scale: tuple[int, int]) -> None:
    """Export and detect from end to end, with untrained weights.

    Writes a checkpoint, exports it to ONNX, detects in a photograph with PyTorch and with ONNX Runtime, and tells how
    far the two differ and how long each takes.
    """
    from gridrt import demo

    started = time.perf_counter()
    picture = out / "coffee.png"
    checkpoint, graph = (out / f"{demo.VARIANT}{suffix}" for suffix in (".pth", ".onnx"))
    click.echo(PREFACE.format(checkpoint=checkpoint))
    _head(1, "A photograph, and a checkpoint in the layout of the published ones")
    _write_inputs(picture, checkpoint, demo.VARIANT)
    _head(2, "The checkpoint as one ONNX file")
    _run(context, export.command, "--weights", checkpoint, "--out", graph)
    for number, name, model in ((3, "PyTorch", checkpoint), (4, "ONNX Runtime", graph)):
        _head(number, f"Detection with {name}")
        _detect(context, picture, model, out / name.lower().replace(" ", ""), scale)
    _head(5, "PyTorch and ONNX Runtime, side by side")
    _tell_comparison(demo.compare(checkpoint, graph, picture, scale), scale)
    seconds = time.perf_counter() - started
    click.echo(f"\nDemo done, results in {out}, {seconds:.1f} s. Next: gridrt export --weights YOUR_CHECKPOINT")


def _write_inputs(picture: Path, checkpoint: Path, variant: str) -> None:
    from gridrt.data.image import save_image
    from gridrt.demo import photograph
    from gridrt.files import make_folder
    from gridrt.model.checkpoint import save_weights
    from gridrt.model.untrained import untrained_model

    pixels = photograph()
    make_folder(picture.parent)
    save_image(picture, pixels)
    with ticking(f"making {variant}"):
        save_weights(untrained_model(variant), checkpoint)
    click.echo(f"{picture}, {pixels.shape[1]} x {pixels.shape[0]}; {checkpoint}, {variant}, untrained")


def _detect(context: click.Context, picture: Path, model: Path, folder: Path, scale: tuple[int, int]) -> None:
    at_scale = () if scale == DEFAULT_SCALE else ("--scale", *scale)
    listed = folder / f"{picture.stem}.json"
    _run(context, detect.command, picture, "--model", model, "--out", folder, "--json", listed, *at_scale)


def _head(number: int, title: str) -> None:
    click.echo(f"\n{number}. {title}")


def _run(context: click.Context, verb: click.Command, *arguments: object) -> None:
    """Show a command of this program, and run it."""
    words = list(map(str, arguments))
    click.echo(f"$ {shlex.join(['gridrt', str(verb.name), *words])}")
    with verb.make_context(verb.name, words, parent=context.parent) as inner:
        verb.invoke(inner)


def _tell_comparison(comparison: Comparison, scale: tuple[int, int]) -> None:
    import onnxruntime
    import torch

    from gridrt.machine.devices import find_cpu

    found = comparison.verification
    click.echo(f"{found.detections} detections paired, {found.missing} missing, {found.extra} extra")
    click.echo(f"largest difference: {found.box_error:.1e} px of a box, {found.score_error:.1e} of a score")
    medians = {name: statistics.median(seconds) for name, seconds in comparison.seconds.items()}
    for name, median in medians.items():
        click.echo(f"{name:<14}{median:7.3f} s  {median / medians['PyTorch']:5.2f}")
    runs = len(comparison.seconds["PyTorch"])
    click.echo(
        f"median of {runs} runs in turns after a warm-up, image at most {scale[0]} x {scale[1]}, float32, "
        f"{comparison.threads} threads of {find_cpu().name}; torch {torch.__version__}, "
        f"onnxruntime {onnxruntime.__version__}"
    )
