"""`gridrt bench`: accuracy and speed of model files, compared with a reference."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import gate_options, options, paths, throughput_options
from gridrt.cli.messages import brief, say
from gridrt.cli.program import command_line, with_flags

if TYPE_CHECKING:
    from gridrt.bench.result import BenchResult

QUICK_RUNS = 10


@click.command("bench")
@click.argument("models", type=paths.MODEL, nargs=-1, metavar="[MODELS]...")
@click.option(
    "--images", type=paths.INPUT_FOLDER, metavar="DIR", help="Folder of annotated images. [default: synthetic images]"
)
@click.option("--annotations", type=paths.INPUT, metavar="FILE", help="Their boxes, as COCO's JSON.")
@options.first_images
@options.allow_missing
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Run few images again until each model has at least N runs. [default: 50]",
)
@click.option(
    "--quick",
    is_flag=True,
    help=f"For a first look: the first {QUICK_RUNS} images, at least {QUICK_RUNS} runs of each model, no stages; "
    "--max-images and --runs go before it.",
)
@click.option("--no-stages", is_flag=True, help="Do not measure where the time of each session goes.")
@click.option(
    "--reference",
    type=paths.NAME,
    metavar="MODEL",
    help="Compare the others with this one. [default: a checkpoint, else a model in FP32, else the first]",
)
@click.option(
    "backends",
    "--backend",
    multiple=True,
    metavar="NAME",
    help="Run the files that this backend opens with it, the others with the preferred one. Repeat it to compare "
    "backends on the same file.",
)
@click.option(
    "--fp16", is_flag=True, help="Also measure checkpoints in half precision: with kernels, on an NVIDIA GPU."
)
@gate_options.gates
@click.option("json_file", "--json", type=paths.OUTPUT, metavar="FILE", help="Also write all figures here.")
@click.option(
    "html_file", "--html", type=paths.OUTPUT, metavar="FILE", help="Also write a report to open in a browser."
)
@throughput_options.batches
@options.scale
@options.threads
@throughput_options.streams
@options.trust_checkpoint
def command(
    *,
    models: tuple[str, ...],
    decidable: bool,
    quick: bool,
    no_stages: bool,
    json_file: Path | None,
    html_file: Path | None,
    **measured: Any,  # noqa: ANN401 - arguments of `benchmark`, by its names
) -> None:
    """Measure models side by side: average precision, latency, size and memory.

    MODELS are checkpoints, ONNX files, TensorRT engines or names such as tiny_bccd; by default all in the current
    folder. Runs are interleaved: each image goes through all models in rotating order, at one scale. A gate that is
    not met sets exit status 3. Images that cannot be read are skipped for all models, and set exit status 1, as does a
    reference that could not be measured.
    """
    from gridrt.api import benchmark
    from gridrt.report.bench_table import bench_lines, success_line
    from gridrt.runtime import models_in

    started = time.perf_counter()
    if (measured["images"] is None) != (measured["annotations"] is None):
        raise click.UsageError("--images and --annotations go together.")
    models = models or tuple(map(str, models_in(Path())))
    if quick:
        measured["max_images"], measured["runs"] = measured["max_images"] or QUICK_RUNS, measured["runs"] or QUICK_RUNS
    result = benchmark(models, stages=not (quick or no_stages), json_file=json_file, html_file=html_file, **measured)
    for error in result.failed.values():
        say(f"error: {brief(error)}", err=True)
    say(with_flags("\n".join(bench_lines(result))))
    outputs = [file for file in (json_file, html_file) if file is not None]
    success = success_line(result, outputs, time.perf_counter() - started)
    say(f"{success} Next: {_next(result, measured['images'])}")
    if status := gate_options.exit_status(result, decidable=decidable):
        click.get_current_context().exit(status)


def _next(result: BenchResult, images: Path | None) -> str:
    """The command that shows where the last file that was measured differs, or one about the only file."""
    reference, *others = dict.fromkeys(row.artefact for row in result.rows if row.speed or row.name == result.reference)
    if not others:
        return command_line("inspect", reference)
    return command_line("compare", reference, others[-1], *(("--images", images) if images else ()))
