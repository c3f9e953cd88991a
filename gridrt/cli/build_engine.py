"""`gridrt build-engine`: from a graph to a TensorRT engine, in the precision asked for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import engine_options, options, paths, precision_options
from gridrt.cli.messages import say
from gridrt.cli.program import command_line
from gridrt.cli.progress import ticking

if TYPE_CHECKING:
    from gridrt.calib.engine import Rewritten
    from gridrt.calib.recipe import Recipe
    from gridrt.runtime.tensorrt.manifest import Manifest

OF_CALIBRATION = ("images", "method", "max_images", "cache", "threads")


@click.command("build-engine")
@options.model_argument("--model")
@click.option("--fp16", is_flag=True, help="Features in FP16: the recipe fp16.")
@click.option("--int8", is_flag=True, help="Convolutions in INT8, by ranges of --images: the recipe int8.")
@click.option("--recipe", type=paths.NAME, metavar="RECIPE", help="fp16, int8, mixed, or a TOML file of your own.")
@click.option("--images", type=paths.INPUT_FOLDER, metavar="DIR", help="Images like those to detect in, for INT8.")
@precision_options.method
@precision_options.max_images
@precision_options.cache
@options.scale
@options.threads
@click.option("--onnx-only", is_flag=True, help="Stop at the ONNX file, which trtexec takes as it is.")
@click.option(
    "--out", type=paths.OUTPUT, metavar="FILE", help="Engine to write. [default: named after the graph, here]"
)
@engine_options.engine
def command(*, model: str | None, out: Path | None, onnx_only: bool, **chosen: Any) -> None:  # noqa: ANN401 - of the functions
    """Build a TensorRT engine, and check that its layers have the precision asked for.

    MODEL is an ONNX file of gridrt export or gridrt calibrate; without it, the only one in FP32 in the current folder
    is taken.

    Without a precision the graph is taken as it is: in FP32, or as gridrt calibrate wrote it. Else it is written in
    that precision first, and the engine is built from the new file.
    """
    from gridrt.api import build_engine, rewrite_graph
    from gridrt.calib.engine import default_engine, scale_of
    from gridrt.export.engine.profile import trtexec_command
    from gridrt.files import require_suffix
    from gridrt.runtime import graph_in, only_float_graph_in

    started = time.perf_counter()
    recipe = _recipe(chosen, onnx_only=onnx_only)
    graph = graph_in(Path(model) if model else only_float_graph_in(Path()))
    engine = out or default_engine(graph, recipe)
    request = engine_options.engine_options(chosen, chosen["scale"] or scale_of(graph))
    calibration = {name: chosen[name] for name in (*OF_CALIBRATION, "scale")} if recipe and recipe.quantizes else {}
    if onnx_only and recipe is not None:
        require_suffix(engine, ".engine", "an engine")
        rewritten: Rewritten | None = rewrite_graph(graph, recipe, engine.with_suffix(".onnx"), **calibration)
        file = engine.with_suffix(".onnx")
        following = trtexec_command(file, engine, request.profile)
        line = f"graph for TensorRT in {_size_and_time(file, started)}. Next: {following}"
    else:
        with ticking(f"building {engine}"):
            built = build_engine(graph, engine, recipe=recipe, options=request, **calibration)
        rewritten, line = built.rewritten, _describe_engine(built.manifest, engine, started)
    if rewritten is not None and rewritten.fidelity is not None:
        say(str(rewritten.fidelity))
    say(line)


def _recipe(chosen: Mapping[str, Any], *, onnx_only: bool) -> Recipe | None:
    """The one precision that is asked for, if any."""
    from gridrt.calib.recipe import load_recipe

    asked = [name for name in ("fp16", "int8") if chosen[name]] + ([chosen["recipe"]] if chosen["recipe"] else [])
    if len(asked) > 1:
        raise click.UsageError("--fp16, --int8 and --recipe exclude each other.")
    if onnx_only and not asked:
        raise click.UsageError("--onnx-only writes a graph in another precision: --fp16, --int8 or --recipe.")
    recipe = load_recipe(asked[0]) if asked else None
    has_int8 = recipe is not None and recipe.quantizes
    if has_int8 and chosen["images"] is None:
        raise click.UsageError("INT8 needs --images DIR: images like those to detect in, to find its ranges on.")
    if not has_int8:
        engine_options.refuse_given(OF_CALIBRATION, "only INT8 is calibrated.")
    if onnx_only:
        engine_options.refuse_given(engine_options.OF_THE_BUILD, "--onnx-only builds no engine.")
    return recipe


def _describe_engine(manifest: Manifest, engine: Path, started: float) -> str:
    counts = sum((Counter(stage) for stage in manifest.precision.values()), Counter[str]())
    layers = ", ".join(f"{count} in {precision}" for precision, count in counts.items())
    library = f"{manifest.runtime['name']} {manifest.runtime['version']}"
    targets = f"compute capabilities {', '.join(manifest.compute_capabilities) or '8.0 and later'}"
    where = f"on {manifest.gpu['name']}" if manifest.gpu else f"ahead of time for {targets}"
    there = "" if manifest.gpu else f", on such a GPU and with {engine.name}.json beside it"
    following = command_line("evaluate", str(engine), "--images", "DIR", "--annotations", "FILE")
    what = f"{library} engine, built {where}, weighted layers {layers}, in {_size_and_time(engine, started)}"
    return f"{what}. Next{there}: {following}"


def _size_and_time(file: Path, started: float) -> str:
    return f"{file}, {file.stat().st_size / 1e6:.1f} MB, {time.perf_counter() - started:.1f} s"
