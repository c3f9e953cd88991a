"""`gridrt demo`: the whole story, from weights to a proof, by the commands that a user would type."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import click

from gridrt.cli import bench, build_engine, calibrate, compare, export
from gridrt.cli.program import command_line
from gridrt.cli.progress import ticking
from gridrt.formatting import format_count

MODEL = "tiny_synthetic"
PREFACE = f"""\
{MODEL} is a small Grid R-CNN that ships with GridRT, trained on drawn pictures. Each line after a $ is the command
that runs, and that does the same for your own checkpoint and pictures."""
TO_CALIBRATE = 32  # pictures
SHOWN = 12  # pictures on the sheet
MOST_AP_LOST = "2"  # points, of so few pictures


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
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
    help="How many to measure on.",
)
@click.pass_context
def command(context: click.Context, *, out: Path, pictures: int) -> None:
    """Go from weights that ship to a report, step by step.

    Draws pictures, exports the weights to ONNX, writes that in INT8 and in FP16, builds an engine where TensorRT for
    RTX is installed, measures all of them beside PyTorch, and compares PyTorch and INT8 stage by stage.
    """
    from gridrt import demo

    started = time.perf_counter()
    graph, int8, sheet = (out / name for name in (f"{MODEL}.onnx", f"{MODEL}.int8.cpu.onnx", "detections.png"))
    click.echo(PREFACE)
    with _step(1, "Pictures, none of which it was trained on"):
        _draw_pictures(out, pictures)
    with _step(2, "The checkpoint as one ONNX file"):
        _run(context, export.command, "--weights", MODEL, "--out", graph)
    with _step(3, "The same in INT8, for this CPU"):
        _calibrate(context, out, graph, int8)
    with _step(4, "The same in FP16, for TensorRT"):
        half = _build(context, out, graph)
    with _step(5, "All of them beside PyTorch: accuracy and speed"):
        _bench(context, out, [MODEL, graph, half, int8])
    with _step(6, "PyTorch and INT8, stage by stage"):
        _run(context, compare.command, MODEL, int8)
    demo.draw_sheet(int8, sorted((out / "val").iterdir())[:SHOWN], sheet)
    seconds, following = time.perf_counter() - started, command_line("export", "--weights", "YOUR_CHECKPOINT")
    written = f"report in {out / 'report.html'}, detections of INT8 drawn in {sheet}"
    click.echo(f"\nDemo done, {written}, {seconds:.1f} s. Next: {following}")


@contextmanager
def _step(number: int, title: str) -> Iterator[None]:
    click.echo(f"\n{number}. {title}")
    started = time.perf_counter()
    yield
    click.echo(f"({time.perf_counter() - started:.1f} s)")


def _draw_pictures(out: Path, count: int) -> None:
    from gridrt.data.synthetic import CLASS_NAMES, write_split

    with ticking(f"drawing {format_count(count + TO_CALIBRATE, 'picture')}"):
        write_split(out, "val", count)
        write_split(out, "train", TO_CALIBRATE)
    what = f"{format_count(count, 'picture')} of {', '.join(CLASS_NAMES)} in {out / 'val'} to measure on"
    click.echo(f"{what}, {TO_CALIBRATE} in {out / 'train'} to calibrate on")


def _calibrate(context: click.Context, out: Path, graph: Path, int8: Path) -> None:
    cache = ("--cache", out / "calibration.npz")
    _run(
        context,
        calibrate.command,
        "--model",
        graph,
        "--images",
        out / "train",
        "--target",
        "cpu",
        "--out",
        int8,
        *cache,
    )


def _build(context: click.Context, out: Path, graph: Path) -> Path:
    """The graph in FP16, which the engine is built from."""
    engine, builds = out / f"{MODEL}.fp16.engine", find_spec("tensorrt_rtx") is not None
    options = () if builds else ("--onnx-only",)
    _run(context, build_engine.command, "--model", graph, "--fp16", *options, "--out", engine)
    if builds:
        click.echo("An engine runs on a GPU: here its graph is measured, the file that it was built from.")
    else:
        click.echo("No engine: TensorRT for RTX, which builds without a GPU, is not installed.")
    return engine.with_suffix(".onnx")


def _bench(context: click.Context, out: Path, artefacts: list[object]) -> None:
    where = ("--images", out / "val", "--annotations", out / "instances_val.json")
    written = ("--json", out / "bench.json", "--html", out / "report.html")
    _run(context, bench.command, *artefacts, *where, "--max-ap-drop", MOST_AP_LOST, *written)


def _run(context: click.Context, verb: click.Command, *arguments: object) -> None:
    """Show a command of this program, and run it."""
    words = list(map(str, arguments))
    click.echo(f"$ {command_line(verb.name, *words)}")
    with verb.make_context(verb.name, words, parent=context.parent) as inner:
        verb.invoke(inner)
