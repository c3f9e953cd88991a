"""`gridrt demo`: from weights to a report, by the commands that a user would type."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click

from gridrt.cli import bench, build_engine, calibrate, compare, export, paths
from gridrt.cli.messages import say
from gridrt.cli.program import command_line
from gridrt.cli.progress import ticking
from gridrt.formatting import format_count

MODEL = "tiny_synthetic"
PREFACE = f"""\
{MODEL} is a small Grid R-CNN that ships with GridRT, trained on synthetic images. Each line after a $ is the command
that runs, and that does the same for your own checkpoint and images."""
CALIBRATION_IMAGES = 32
SHEET_IMAGES = 12
MAX_AP_DROP = 2  # points of 100; so few images leave AP uncertain


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
    from gridrt.data.synthetic import CLASS_NAMES, write_split
    from gridrt.demo import save_detection_sheet

    started = time.perf_counter()
    graph, int8, engine = (out / f"{MODEL}.{ending}" for ending in ("onnx", "int8.cpu.onnx", "fp16.engine"))
    say(PREFACE)

    with _step(1, "Images, none of which it was trained on"):
        with ticking(f"drawing {format_count(pictures + CALIBRATION_IMAGES, 'image')}"):
            write_split(out, "val", pictures)
            write_split(out, "train", CALIBRATION_IMAGES)
        what = f"{format_count(pictures, 'image')} of {', '.join(CLASS_NAMES)} in {out / 'val'} to measure on"
        say(f"{what}, {CALIBRATION_IMAGES} in {out / 'train'} to calibrate on")

    with _step(2, "The checkpoint as one ONNX file"):
        _run(context, export.command, MODEL, "--out", graph)

    with _step(3, "The same in INT8, for this CPU"):
        how = ("--images", out / "train", "--target", "cpu", "--out", int8, "--cache", out / "calibration.npz")
        _run(context, calibrate.command, graph, *how)

    with _step(4, "The same in FP16, for TensorRT"):
        can_build = find_spec("tensorrt_rtx") is not None
        stop = () if can_build else ("--onnx-only",)
        _run(context, build_engine.command, graph, "--fp16", *stop, "--out", engine)
        if can_build:
            say("An engine runs on a GPU: here its graph is measured, the file that it was built from.")
        else:
            say("No engine: TensorRT for RTX, which builds without a GPU, is not installed.")

    with _step(5, "All of them beside PyTorch: accuracy and speed"):
        data = ("--images", out / "val", "--annotations", out / "instances_val.json", "--max-ap-drop", MAX_AP_DROP)
        beside = ("--backend", "openvino", "--backend", "onnxruntime")
        written = ("--json", out / "bench.json", "--html", out / "report.html")
        _run(context, bench.command, MODEL, graph, engine.with_suffix(".onnx"), int8, *data, *beside, *written)

    with _step(6, "PyTorch and INT8, stage by stage"):
        _run(context, compare.command, MODEL, int8)

    sheet = out / "detections.png"
    save_detection_sheet(int8, sorted((out / "val").iterdir())[:SHEET_IMAGES], sheet)
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


def _run(context: click.Context, verb: click.Command, *arguments: object) -> None:
    """Show a command of this program, and run it."""
    words = list(map(str, arguments))
    say(f"$ {command_line(verb.name, *words)}")
    with verb.make_context(verb.name, words, parent=context.parent) as inner:
        verb.invoke(inner)
