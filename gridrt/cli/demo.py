"""`gridrt demo`: the main job from end to end, by the commands that a user would type."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import evaluate, export
from gridrt.cli.program import command_line
from gridrt.cli.progress import ticking
from gridrt.wording import counted

if TYPE_CHECKING:
    from gridrt.demo import Comparison

PREFACE = """\
{model} is a small Grid R-CNN that ships with GridRT, trained on drawn pictures. Each line after a $ is the command
that runs, and that does the same for your own checkpoint and pictures."""
SHOWN = 12  # pictures on the sheet


@click.command("demo")
@click.option("--out", type=click.Path(path_type=Path), default="demo", show_default=True, help="Folder to write to.")
@click.option("--pictures", type=click.IntRange(min=1), default=200, show_default=True, help="How many to draw.")
@click.pass_context
def command(context: click.Context, *, out: Path, pictures: int) -> None:
    """Export and evaluate from end to end, with weights that ship.

    Draws a set of pictures, exports the weights to ONNX, and tells the average precision of PyTorch and of ONNX
    Runtime, how far the two differ, and how long each takes.
    """
    from gridrt import demo

    started = time.perf_counter()
    graph, sheet = out / f"{demo.MODEL}.onnx", out / "detections.png"
    click.echo(PREFACE.format(model=demo.MODEL))
    _head(1, "Pictures, none of which it was trained on")
    _draw_pictures(out, pictures)
    _head(2, "The checkpoint as one ONNX file")
    _run(context, export.command, "--weights", demo.MODEL, "--out", graph)
    figures = {}
    for number, (side, model) in enumerate({"PyTorch": demo.MODEL, "ONNX Runtime": str(graph)}.items(), 3):
        _head(number, f"Average precision with {side}")
        figures[side] = _evaluate(context, model, out, side)
    _head(5, "PyTorch and ONNX Runtime, side by side")
    shown = sorted((out / "val").iterdir())[:SHOWN]
    _tell(figures, demo.compare(demo.MODEL, graph, shown, sheet))
    seconds = time.perf_counter() - started
    click.echo(f"\nDemo done, results in {out}, detections drawn in {sheet}, {seconds:.1f} s. ", nl=False)
    click.echo(f"Next: {command_line('export', '--weights', 'YOUR_CHECKPOINT')}")


def _draw_pictures(out: Path, count: int) -> None:
    from gridrt.data.synthetic import CLASS_NAMES, write_split

    with ticking(f"drawing {counted(count, 'picture')}"):
        write_split(out, "val", count)
    click.echo(f"{counted(count, 'picture')} of {', '.join(CLASS_NAMES)} in {out / 'val'}")


def _evaluate(context: click.Context, model: str, out: Path, side: str) -> Mapping[str, Any]:
    """What `gridrt evaluate` writes about the drawn pictures."""
    annotations, listed = out / "instances_val.json", out / f"{side.lower().replace(' ', '')}.json"
    where = ("--images", out / "val", "--annotations", annotations, "--json", listed)
    _run(context, evaluate.command, "--model", model, *where)
    figures: Mapping[str, Any] = json.loads(listed.read_text(encoding="utf-8"))
    return figures


def _head(number: int, title: str) -> None:
    click.echo(f"\n{number}. {title}")


def _run(context: click.Context, verb: click.Command, *arguments: object) -> None:
    """Show a command of this program, and run it."""
    words = list(map(str, arguments))
    click.echo(f"$ {command_line(verb.name, *words)}")
    with verb.make_context(verb.name, words, parent=context.parent) as inner:
        verb.invoke(inner)


def _tell(figures: Mapping[str, Mapping[str, Any]], comparison: Comparison) -> None:
    from gridrt.report.metrics import FIGURES, points

    click.echo(" " * 14 + "".join(f"{name:>8}" for name in FIGURES) + "  seconds per picture")
    for side, of_side in figures.items():
        cells = "".join(f"{points(of_side['overall'][key]):>8}" for key in FIGURES.values())
        seconds = statistics.median(comparison.seconds[side]) / comparison.pictures
        click.echo(f"{side:<14}{cells}{seconds:>10.3f}")
    found = comparison.verification
    click.echo(
        f"in {counted(comparison.pictures, 'picture')}: {found.detections} detections paired, {found.missing} missing, "
        f"{found.extra} extra; largest difference {found.box_error:.1e} px of a box, {found.score_error:.1e} of a score"
    )
    _tell_conditions(comparison)


def _tell_conditions(comparison: Comparison) -> None:
    import onnxruntime
    import torch

    from gridrt.machine.devices import find_cpu

    click.echo(
        f"seconds: median of {len(comparison.seconds['PyTorch'])} runs in turns after a warm-up, a batch of "
        f"{comparison.pictures}, float32, {counted(comparison.threads, 'thread')} of {find_cpu().name}; torch "
        f"{torch.__version__}, onnxruntime {onnxruntime.__version__}"
    )
