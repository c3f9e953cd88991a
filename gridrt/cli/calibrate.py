"""`gridrt calibrate`: find ranges on real images, and write a graph in INT8 by them."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import exit_codes, options, paths, precision_options
from gridrt.cli.messages import say
from gridrt.cli.program import command_line

if TYPE_CHECKING:
    from gridrt.calib.calibrate import Calibrated
    from gridrt.calib.sensitivity import BlockCost


@click.command("calibrate")
@options.model_argument("--model")
@click.option(
    "--images", type=paths.INPUT_FOLDER, required=True, metavar="DIR", help="Folder of images like those to detect in."
)
@click.option(
    "--annotations", type=paths.INPUT, metavar="FILE", help="Boxes of images in DIR, as COCO's JSON: measures AP, too."
)
@click.option(
    "--calibrate-annotations",
    type=paths.INPUT,
    metavar="FILE",
    help="Calibrate on the images that this COCO JSON lists, in DIR or below. [default: those right in DIR]",
)
@options.allow_missing
@click.option(
    "--recipe",
    type=paths.NAME,
    metavar="RECIPE",
    default="int8",
    show_default=True,
    help="int8, mixed, or a TOML file of your own.",
)
@precision_options.method
@precision_options.target
@click.option("--sensitivity", is_flag=True, help="Measure what INT8 costs, block by block.")
@click.option(
    "--max-ap-drop",
    type=click.FloatRange(min=0),
    metavar="POINTS",
    help="Keep blocks in FP16 so that at most so many points of AP (of 100) are lost; writes that recipe, too.",
)
@precision_options.max_images
@click.option("--out", type=paths.OUTPUT, metavar="FILE", help="ONNX file to write. [default: MODEL.RECIPE.onnx]")
@precision_options.cache
@click.option("figures", "--json", type=paths.OUTPUT, metavar="FILE", help="Also write the figures here.")
@options.scale
@options.threads
def command(*, model: str | None, images: Path, target: str, max_ap_drop: float | None, **arguments: Any) -> None:  # noqa: ANN401 - those of calibrate
    """Find the ranges of a graph's activations on real images, and write it in INT8.

    MODEL is an ONNX file of gridrt export; without it, the only one in FP32 in the current folder is taken.

    The images run through the whole detector, so the second stage sees real proposals. Those that cannot be read are
    named and left out. Report AP on other images than these. An interrupted run continues from its cache.
    """
    from gridrt.api import calibrate
    from gridrt.calib.sensitivity import within
    from gridrt.runtime import only_float_graph_in

    started = time.perf_counter()
    if math.isnan(max_ap_drop or 0.0):
        raise click.UsageError("--max-ap-drop must be a number.")
    if max_ap_drop is not None and arguments["annotations"] is None:
        raise click.UsageError("--max-ap-drop needs --annotations to measure AP on.")
    graph = model or only_float_graph_in(Path())
    done = calibrate(graph, images, target=target, max_ap_drop=max_ap_drop, **arguments)
    for line in _lines(done, target):
        say(line)
    file = done.graph.path
    what = f"{done.recipe.name} for {target}, ranges of {done.images} images, in {file}"
    following = command_line("evaluate", str(file), "--images", "DIR", "--annotations", "FILE")
    seconds = time.perf_counter() - started
    say(f"{what}, {file.stat().st_size / 1e6:.1f} MB, {seconds:.1f} s. Next: {following}")
    if done.mixture is not None and not within(done.mixture.loss, max_ap_drop):
        say(f"gate not met: more than {max_ap_drop:g} points of AP are lost", err=True)
        click.get_current_context().exit(exit_codes.GATE_NOT_MET)


def _lines(done: Calibrated, target: str) -> list[str]:
    """What was measured."""
    from gridrt.calib.targets import TARGETS

    lines = _ranking_table(done.ranking) if done.ranking else []
    if done.mixture is not None:
        kept = ", ".join(done.mixture.kept_back) or "no block"
        lines.append(f"left in FP16 for what INT8 costs: {kept}; recipe in {done.recipe_file}")
    lines.append(str(done.fidelity))
    if done.ap is not None and done.ap_after is not None and done.ap_drop_interval is not None:
        # ONNX Runtime on a CPU would not round FP16 between nodes.
        rounding = ", FP16 rounded as on a GPU" if TARGETS[target].has_half else ""
        lines.append(f"AP {done.ap:.2f} in FP32, {done.ap_after:.2f} in {done.recipe.name}{rounding}")
        lost, low, high = (f"{round(each, 2) + 0.0:+.2f}" for each in (done.ap - done.ap_after, *done.ap_drop_interval))
        lines.append(f"AP lost: {lost} (95 % interval {low} to {high})")
    return lines


def _ranking_table(ranking: Sequence[BlockCost]) -> list[str]:
    lines = [f"{'in INT8 alone':<36}{'nodes':>6}{'disagreement':>14}{'AP lost':>9}"]
    for cost in ranking:
        lost = "-" if cost.loss.ap_drop is None else f"{cost.loss.ap_drop:.2f}"
        lines.append(f"{cost.block:<36}{cost.nodes:>6}{cost.loss.disagreement:>14.4f}{lost:>9}")
    return lines
