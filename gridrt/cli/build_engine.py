"""`gridrt build-engine`: from a graph to a TensorRT engine, in the precision asked for."""

from __future__ import annotations

import shlex
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from gridrt.cli import engine_options, options, precision_options
from gridrt.cli.program import command_line
from gridrt.cli.progress import ticking

if TYPE_CHECKING:
    from gridrt.calib.recipe import Recipe
    from gridrt.export.engine.options import EngineOptions
    from gridrt.export.engine.profile import Profile
    from gridrt.runtime.tensorrt.manifest import Manifest

FILE = precision_options.FILE
OF_CALIBRATION = ("images", "method", "max_images", "cache", "threads")


@click.command("build-engine")
@precision_options.graph
@click.option("--fp16", is_flag=True, help="Features in FP16: the recipe fp16.")
@click.option("--int8", is_flag=True, help="Convolutions in INT8, by ranges of --images: the recipe int8.")
@click.option("--recipe", metavar="RECIPE", help="fp16, int8, mixed, or a TOML file of your own.")
@click.option("--images", type=FILE, metavar="DIR", help="Folder of pictures like those to detect in, for INT8.")
@precision_options.method
@precision_options.max_images
@precision_options.cache
@options.scale
@options.threads
@click.option("--onnx-only", is_flag=True, help="Stop at the ONNX file, which trtexec takes as it is.")
@click.option("--out", type=FILE, metavar="FILE", help="Engine to write. [default: named after the graph, here]")
@engine_options.engine
def command(*, model: Path | None, out: Path | None, onnx_only: bool, **chosen: Any) -> None:  # noqa: ANN401 - of a request
    """Build a TensorRT engine, and check that its layers have the precision asked for.

    Without a precision the graph is taken as it is: in FP32, or as gridrt calibrate wrote it. Else it is written in
    that precision first, and the engine is built from the new file.
    """
    from gridrt.calib.artefact import default_cache
    from gridrt.export.engine.build import build_engine, library_for
    from gridrt.runtime import only_float_graph_in
    from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession

    started = time.perf_counter()
    recipe = _recipe(chosen, onnx_only=onnx_only)
    graph = model or only_float_graph_in(Path())
    engine = out or Path(f"{graph.stem}.{recipe.name}.engine" if recipe else f"{graph.stem}.engine")
    source = engine.with_suffix(".onnx") if recipe else graph
    scale = chosen["scale"] or OnnxRuntimeSession(graph, ["CPUExecutionProvider"], threads=1).info.scale
    request = engine_options.engine_options(chosen, scale)
    chosen["cache"] = chosen["cache"] or default_cache(graph)
    written = [source] * (recipe is not None) + [chosen["cache"]] * (chosen["images"] is not None)
    _check_outputs(graph, written, engine, None if onnx_only else request)
    if not onnx_only:
        library_for(request)  # what is missing stops before the work
    if recipe:
        _write_graph(graph, recipe, source, chosen)
    if onnx_only:
        _tell_graph(source, engine, request.profile, time.perf_counter() - started)
        return
    with ticking(f"building {engine}"):
        manifest = build_engine(source, engine, request)
    _tell_engine(manifest, engine, time.perf_counter() - started)


def _recipe(chosen: dict[str, Any], *, onnx_only: bool) -> Recipe | None:
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
        raise click.UsageError("INT8 needs --images DIR: pictures like those to detect in, to find its ranges on.")
    if not has_int8:
        _refuse_given(OF_CALIBRATION, "only INT8 is calibrated.")
    if onnx_only:
        _refuse_given(engine_options.OF_THE_BUILD, "--onnx-only builds no engine.")
    return recipe


def _refuse_given(names: Iterable[str], reason: str) -> None:
    """Options that would be ignored."""
    context = click.get_current_context()
    for option in context.command.params:
        if option.name in names and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[-1]} has no effect: {reason}")


def _check_outputs(graph: Path, written: list[Path], engine: Path, request: EngineOptions | None) -> None:
    """Refuse before the work what could not be written after it, or would destroy a file that is read.

    Args:
        graph: that is read.
        written: on the way to the engine.
        engine: its file; where none is built, the name is looked at all the same.
        request: of the engine, if one is built.
    """
    from gridrt.files import check_apart, check_writable, require_suffix
    from gridrt.runtime.tensorrt.manifest import manifest_file

    require_suffix(engine, ".engine", "an engine")
    outputs = list(written)
    if request is not None:
        outputs += [engine, manifest_file(engine), *filter(None, [request.timing_cache])]
    check_apart(outputs, [graph])
    for output in outputs:
        check_writable(output)


def _write_graph(graph: Path, recipe: Recipe, file: Path, chosen: dict[str, Any]) -> None:
    """Write the graph in a recipe's precisions, in the form that TensorRT takes."""
    from gridrt.calib.artefact import load_float_graph, save_rewritten
    from gridrt.calib.calibrate import Request, calibrate
    from gridrt.calib.rewrite import apply_recipe
    from gridrt.calib.targets import TARGETS
    from gridrt.export.passes.static_rows import static_rows
    from gridrt.files import sha256_of

    target = TARGETS["tensorrt"]
    if chosen["images"] is None:
        rewritten, parent, notes = apply_recipe(load_float_graph(graph), recipe, target), sha256_of(graph), {}
    else:
        names = ("images", "method", "max_images", "cache", "scale", "threads")
        how = {name: chosen[name] for name in names}
        done = calibrate(Request(graph=graph, recipe=recipe, target=target, **how))
        click.echo(str(done.fidelity))
        rewritten, parent, notes = done.model, done.parent_sha256, done.notes
    static_rows(rewritten)
    save_rewritten(rewritten, file, recipe, target, parent, notes)


def _tell_graph(graph: Path, engine: Path, profile: Profile, seconds: float) -> None:
    """The line for trtexec takes the plugins from GridRT's library."""
    arguments = [
        f"--onnx={graph}",
        "--stronglyTyped",
        "--dynamicPlugins=libgridrt_plugins.so",
        f"--saveEngine={engine}",
    ]
    for bound, index in (("min", 0), ("opt", 1), ("max", 2)):
        shapes = (f"{name}:{'x'.join(map(str, shapes[index]))}" for name, shapes in profile.inputs().items())
        arguments.append(f"--{bound}Shapes={','.join(shapes)}")
    what = f"graph for TensorRT in {graph}, {graph.stat().st_size / 1e6:.1f} MB, {seconds:.1f} s"
    click.echo(f"{what}. Next: {shlex.join(['trtexec', *arguments])}")


def _tell_engine(manifest: Manifest, engine: Path, seconds: float) -> None:
    from gridrt.runtime.tensorrt.manifest import manifest_file

    counts = sum((Counter(stage) for stage in manifest.precision.values()), Counter[str]())
    layers = ", ".join(f"{count} in {precision}" for precision, count in counts.items())
    made = f"{manifest.runtime['name']} {manifest.runtime['version']}"
    targets = ", ".join(manifest.compute_capabilities) or "8.0 and later"
    where = f"on {manifest.gpu['name']}" if manifest.gpu else f"ahead of time for compute capabilities {targets}"
    following = command_line("evaluate", "--model", str(engine), "--images", "DIR", "--annotations", "FILE")
    there = "" if manifest.gpu else f", on such a GPU and with {manifest_file(engine).name} beside it"
    click.echo(
        f"{made} engine, built {where}, weighted layers {layers}, "
        f"in {engine}, {engine.stat().st_size / 1e6:.1f} MB, {seconds:.1f} s. Next{there}: {following}"
    )
