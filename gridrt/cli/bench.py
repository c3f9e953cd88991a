"""`gridrt bench`: accuracy and speed of model files, compared with a reference."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import exit_codes, options
from gridrt.cli.program import command_line

if TYPE_CHECKING:
    from gridrt.bench.result import BenchResult

FILE = click.Path(path_type=Path)


class _Threshold(click.FloatRange):
    """At least 0, and a number: every comparison with nan is false."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's signature
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return float(number)


THRESHOLD = _Threshold(min=0)


@click.command("bench")
@click.argument("models", nargs=-1, metavar="[MODELS]...")
@click.option("--images", type=FILE, metavar="DIR", help="Folder of annotated images. [default: synthetic images]")
@click.option("--annotations", type=FILE, metavar="FILE", help="Their boxes, as COCO's JSON.")
@click.option(
    "--max-images",
    type=click.IntRange(min=1),
    metavar="N",
    help="Measure on the first N images; few images are run repeatedly, at least 50 runs per model.",
)
@click.option(
    "--reference",
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
@click.option("--max-ap-drop", type=THRESHOLD, metavar="POINTS", help="Gate: AP below the reference's, points of 100.")
@click.option("--max-ap90-drop", type=THRESHOLD, metavar="POINTS", help="Gate: the same of AP at IoU 0.90.")
@click.option("--min-fps", type=THRESHOLD, metavar="FPS", help="Gate: images per second of the session alone.")
@click.option("--min-speedup", type=THRESHOLD, metavar="TIMES", help="Gate: minimum speedup over the reference.")
@click.option("json_file", "--json", type=FILE, metavar="FILE", help="Also write all figures here.")
@click.option("html_file", "--html", type=FILE, metavar="FILE", help="Also write a report to open in a browser.")
@options.scale
@options.threads
@options.trust_checkpoint
def command(
    *,
    models: tuple[str, ...],
    max_ap_drop: float | None,
    max_ap90_drop: float | None,
    min_fps: float | None,
    min_speedup: float | None,
    json_file: Path | None,
    html_file: Path | None,
    **measured: Any,  # noqa: ANN401 - arguments of `benchmark`, by its names
) -> None:
    """Measure models side by side: average precision, latency, size and memory.

    MODELS are checkpoints, ONNX files, TensorRT engines or names such as tiny_bccd; by default all in the current
    folder. Runs are interleaved: each image goes through all models in rotating order. A gate that is not met sets
    exit status 3.
    """
    from gridrt.bench.bench import benchmark
    from gridrt.bench.gates import Gates
    from gridrt.files import check_apart, check_writable, write_text
    from gridrt.report.bench_report import save_bench_report
    from gridrt.report.bench_table import bench_lines, success_line
    from gridrt.runtime import models_in

    started = time.perf_counter()
    if (measured["images"] is None) != (measured["annotations"] is None):
        raise click.UsageError("--images and --annotations go together.")
    models = models or tuple(map(str, models_in(Path())))
    outputs = [file for file in (json_file, html_file) if file is not None]
    check_apart(outputs, [Path(model) for model in (*models, measured["reference"]) if model])
    for output in outputs:
        check_writable(output)
    gates = Gates(max_ap_drop, max_ap90_drop, min_fps, min_speedup)
    result = benchmark(models, gates=gates, **measured)
    if json_file is not None:
        write_text(json_file, result.to_json())
    if html_file is not None:
        save_bench_report(html_file, result)
    click.echo("\n".join(bench_lines(result)))
    success = success_line(result, outputs, time.perf_counter() - started)
    click.echo(f"{success} Next: {_next(result, measured['images'])}")
    if not result.complete or not all(gate.met for gate in result.gates):
        click.get_current_context().exit(exit_codes.GATE_NOT_MET if result.complete else exit_codes.INTERRUPTED)


def _next(result: BenchResult, images: Path | None) -> str:
    """The command that shows where the last file that was measured differs, or one about the only file."""
    reference, *others = dict.fromkeys(row.artefact for row in result.rows if row.speed or row.name == result.reference)
    if not others:
        return command_line("inspect", reference)
    return command_line("compare", reference, others[-1], *(("--images", images) if images else ()))
