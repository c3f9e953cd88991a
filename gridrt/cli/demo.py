"""`gridrt demo`: from weights to a report, by the commands that a user would type."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gridrt.cli import bench, build_engine, calibrate, compare, export, paths
from gridrt.cli.messages import say
from gridrt.cli.program import command_line
from gridrt.cli.progress import ticking
from gridrt.formatting import format_count

VERBS = {verb.command.name: verb.command for verb in (bench, build_engine, calibrate, compare, export)}
PREFACE = """\
tiny_synthetic is a small Grid R-CNN that ships with GridRT, trained on synthetic images. Each line after a $ is the
command that runs, and that does the same for your own checkpoint and images."""


@click.command("demo")
@click.option(
    "--out",
    type=paths.OUTPUT_FOLDER,
    metavar="DIR",
    default="demo",
    show_default=True,
    help="Folder to write to.",
)
@click.option(
    "--pictures",
    type=click.IntRange(min=1),
    metavar="N",
    default=60,
    show_default=True,
    help="How many images to measure on.",
)
@click.pass_context
def command(context: click.Context, *, out: Path, pictures: int) -> None:
    """Go from weights that ship to a report, step by step.

    Makes synthetic images, exports the weights to ONNX, writes that in INT8 and in FP16, builds an engine where
    TensorRT for RTX is installed, measures all of them beside PyTorch, and compares PyTorch and INT8 stage by stage.
    """
    from gridrt.demo import CALIBRATION_IMAGES, save_detection_sheet, steps, write_images

    started = time.perf_counter()
    say(PREFACE)
    with _step(1, "Images, none of which it was trained on"):
        with ticking(f"drawing {format_count(pictures + CALIBRATION_IMAGES, 'image')}"):
            written = write_images(out, pictures)
        say(written)
    for number, step in enumerate(steps(out), start=2):
        verb, *words = map(str, step.command)
        with _step(number, step.title):
            say(f"$ {command_line(verb, *words)}")
            with VERBS[verb].make_context(verb, words, parent=context.parent) as inner:
                VERBS[verb].invoke(inner)
            if step.note:
                say(step.note)
    sheet = save_detection_sheet(out)
    say(
        f"\nDemo done, report in {out / 'report.html'}, detections of INT8 drawn in {sheet}, "
        f"{time.perf_counter() - started:.1f} s. Next: {command_line('export', 'YOUR_CHECKPOINT')}"
    )


@contextmanager
def _step(number: int, title: str) -> Iterator[None]:
    say(f"\n{number}. {title}")
    started = time.perf_counter()
    yield
    say(f"({time.perf_counter() - started:.1f} s)")
