"""`gridrt calibrate`: find ranges on real images, and write a graph in INT8 by them."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import exit_codes, options, precision_options
from gridrt.cli.program import command_line

if TYPE_CHECKING:
    from gridrt.calib.calibrate import Calibrated, Request
    from gridrt.calib.sensitivity import BlockCost

FILE = precision_options.FILE


@click.command("calibrate")
@precision_options.graph
@click.option("--images", type=FILE, required=True, metavar="DIR", help="Folder of pictures like those to detect in.")
@click.option("--annotations", type=FILE, metavar="FILE", help="Their boxes, as COCO's JSON: tells the AP, too.")
@click.option(
    "--recipe",
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
@click.option("--out", type=FILE, metavar="FILE", help="ONNX file to write. [default: MODEL.RECIPE.onnx]")
@precision_options.cache
@click.option("json_file", "--json", type=FILE, metavar="FILE", help="Also write the figures here.")
@options.scale
@options.threads
def command(*, out: Path | None, json_file: Path | None, **chosen: Any) -> None:  # noqa: ANN401 - those of a request
    """Find the ranges of a graph's activations on real images, and write it in INT8.

    The images feed the whole detector, so that the second stage sees real proposals. Report AP on other images than
    these. An interrupted run goes on from its cache.
    """
    from gridrt.calib.calibrate import calibrate
    from gridrt.calib.sensitivity import within
    from gridrt.files import write_text

    started = time.perf_counter()
    if math.isnan(chosen["max_ap_drop"] or 0.0):
        raise click.UsageError("--max-ap-drop is a number.")
    if chosen["max_ap_drop"] is not None and chosen["annotations"] is None:
        raise click.UsageError("--max-ap-drop needs --annotations to measure AP on.")
    request = _request(chosen)
    out = out or _default_out(request)
    _check_outputs(request, out, json_file)
    done = calibrate(request)
    _save(request, done, out)
    if json_file is not None:
        write_text(json_file, json.dumps(_figures(done), indent=2) + "\n")
    _tell(request, done, out, time.perf_counter() - started)
    if done.mixture is not None and not within(done.mixture.loss, request.max_ap_drop):
        click.echo(f"gate not met: more than {request.max_ap_drop:g} points of AP are lost", err=True)
        click.get_current_context().exit(exit_codes.GATE_NOT_MET)


def _request(chosen: dict[str, Any]) -> Request:
    from gridrt.calib.artefact import default_cache
    from gridrt.calib.calibrate import Request
    from gridrt.calib.recipe import load_recipe
    from gridrt.calib.targets import TARGETS
    from gridrt.runtime import only_float_graph_in

    graph = chosen.pop("model") or only_float_graph_in(Path())
    cache = chosen.pop("cache") or default_cache(graph)
    recipe, target = load_recipe(chosen.pop("recipe")), TARGETS[chosen.pop("target")]
    return Request(graph=graph, cache=cache, recipe=recipe, target=target, **chosen)


def _default_out(request: Request) -> Path:
    from gridrt.calib.artefact import default_name

    return default_name(
        request.graph, "mixed" if request.max_ap_drop is not None else request.recipe.name, request.target
    )


def _recipe_file(out: Path) -> Path:
    return out.with_suffix(".toml")


def _check_outputs(request: Request, out: Path, json_file: Path | None) -> None:
    """Refuse before the work what could not be written after it, or would destroy a file that is read."""
    from gridrt.files import check_apart, check_writable, require_suffix

    require_suffix(out, ".onnx", "an ONNX file")
    outputs = [out, request.cache, *([json_file] if json_file is not None else [])]
    outputs += [_recipe_file(out)] if request.max_ap_drop is not None else []
    inputs = [request.graph, *([request.annotations] if request.annotations is not None else [])]
    check_apart(outputs, [*inputs, Path(request.recipe.place)])
    for output in outputs:
        check_writable(output)


def _save(request: Request, done: Calibrated, out: Path) -> None:
    from gridrt.calib.artefact import save_rewritten
    from gridrt.calib.recipe import recipe_text
    from gridrt.files import write_text

    save_rewritten(done.model, out, done.recipe, request.target, done.parent_sha256, done.notes)
    if done.mixture is not None:
        write_text(_recipe_file(out), recipe_text(done.recipe))


def _figures(done: Calibrated) -> dict[str, Any]:
    """What was measured, ready for JSON."""
    return {
        "recipe": done.recipe.name,
        "calibration": done.notes,
        "fidelity": done.fidelity.to_json(),
        "ap": done.ap,
        "ap_after": done.ap_after,
        "blocks": [asdict(cost) for cost in done.ranking],
        "kept_in_fp16": [] if done.mixture is None else list(done.mixture.kept_back),
    }


def _tell(request: Request, done: Calibrated, out: Path, seconds: float) -> None:
    for line in _ranking_lines(done.ranking):
        click.echo(line)
    if done.mixture is not None:
        kept = ", ".join(done.mixture.kept_back) or "no block"
        click.echo(f"left in FP16 for what INT8 costs: {kept}; recipe in {_recipe_file(out)}")
    click.echo(str(done.fidelity))
    if done.ap is not None and done.ap_after is not None:
        click.echo(f"AP {done.ap:.2f} in FP32, {done.ap_after:.2f} in {done.recipe.name}{_rounding(request)}")
    what = f"{done.recipe.name} for {request.target.name}, ranges of {done.images} images, in {out}"
    following = command_line("evaluate", "--model", str(out), "--images", "DIR", "--annotations", "FILE")
    click.echo(f"{what}, {out.stat().st_size / 1e6:.1f} MB, {seconds:.1f} s. Next: {following}")


def _rounding(request: Request) -> str:
    """What the AP in FP16 is of: ONNX Runtime on a CPU would not round between nodes."""
    return ", FP16 rounded as on a GPU" if request.target.has_half else ""


def _ranking_lines(ranking: list[BlockCost]) -> list[str]:
    """The table of what each block costs."""
    if not ranking:
        return []
    lines = [f"{'in INT8 alone':<36}{'nodes':>6}{'disagreement':>14}{'AP lost':>9}"]
    for cost in ranking:
        lost = "-" if cost.loss.ap_drop is None else f"{cost.loss.ap_drop:.2f}"
        lines.append(f"{cost.block:<36}{cost.nodes:>6}{cost.loss.disagreement:>14.4f}{lost:>9}")
    return lines
