"""`gridrt bench`: accuracy and speed of artefacts beside a reference."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import exit_codes, options
from gridrt.cli.program import command_line
from gridrt.cli.progress import ticking
from gridrt.formatting import format_count

if TYPE_CHECKING:
    from gridrt.bench.bench import Outcome
    from gridrt.bench.result import BenchResult
    from gridrt.data.coco import CocoDataset

FILE = click.Path(path_type=Path)
DRAWN_PICTURES = 100


class _Limit(click.FloatRange):
    """At least 0, and a number: nothing can be held against nan."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401 - click's signature
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        return float(number)


LIMIT = _Limit(min=0)


@click.command("bench")
@click.argument("artefacts", nargs=-1, metavar="[ARTEFACTS]...")
@click.option("--images", type=FILE, metavar="DIR", help="Folder of annotated images. [default: pictures are drawn]")
@click.option("--annotations", type=FILE, metavar="FILE", help="Their boxes, as COCO's JSON.")
@click.option(
    "--max-images",
    type=click.IntRange(min=1),
    metavar="N",
    help="Measure on the first N images; few are run again, until there are 50 times of each artefact.",
)
@click.option(
    "--reference",
    metavar="MODEL",
    help="Hold the others against this one. [default: a checkpoint, else a graph in FP32, else the first]",
)
@click.option(
    "--fp16", is_flag=True, help="Measure checkpoints in half precision, too: with kernels, on an NVIDIA GPU."
)
@click.option("--max-ap-drop", type=LIMIT, metavar="POINTS", help="Gate: AP below the reference's, in points of 100.")
@click.option("--max-ap90-drop", type=LIMIT, metavar="POINTS", help="Gate: the same of AP at IoU 0.90.")
@click.option("--min-fps", type=LIMIT, metavar="FPS", help="Gate: images per second of the session alone.")
@click.option("--min-speedup", type=LIMIT, metavar="TIMES", help="Gate: how often faster than the reference.")
@click.option("json_file", "--json", type=FILE, metavar="FILE", help="Also write all figures here.")
@click.option("html_file", "--html", type=FILE, metavar="FILE", help="Also write a report to open in a browser.")
@options.scale
@options.threads
@options.trust_checkpoint
def command(  # noqa: PLR0913 - a verb's options
    *,
    artefacts: tuple[str, ...],
    images: Path | None,
    annotations: Path | None,
    max_images: int | None,
    reference: str | None,
    fp16: bool,
    max_ap_drop: float | None,
    max_ap90_drop: float | None,
    min_fps: float | None,
    min_speedup: float | None,
    json_file: Path | None,
    html_file: Path | None,
    scale: tuple[int, int] | None,
    threads: int | None,
    trust_checkpoint: bool,
) -> None:
    """Measure artefacts side by side: average precision, latency, size and memory.

    ARTEFACTS are checkpoints, ONNX files, TensorRT engines or names such as tiny_bccd; without any, those in the
    current folder. Each image goes through each of them in turn. A gate that is not met ends with exit status 3.
    """
    from gridrt.bench.bench import Request, bench
    from gridrt.bench.gates import Limits, gates_of

    started = time.perf_counter()
    models = _models(artefacts, reference)
    _check_outputs(json_file, html_file, models)
    with _dataset(images, annotations, max_images) as dataset:
        outcome = bench(Request(models, reference, dataset, images is None, scale, threads, trust_checkpoint, fp16))
        limits = Limits(max_ap_drop, max_ap90_drop, min_fps, min_speedup)
        result = replace(outcome.result, gates=gates_of(outcome.result, limits))
        _write(replace(outcome, result=result), json_file, html_file)
    written = [file for file in (json_file, html_file) if file is not None]
    _tell(result, written, time.perf_counter() - started)
    click.echo(f"Next: {_following(result, models, images)}")
    if status := _exit_code(result):
        click.get_current_context().exit(status)


def _check_outputs(json_file: Path | None, html_file: Path | None, models: list[str]) -> None:
    """Refuse before the work what could not be written after it."""
    from gridrt.files import check_apart, check_writable

    outputs = [file for file in (json_file, html_file) if file is not None]
    check_apart(outputs, map(Path, models))
    for output in outputs:
        check_writable(output)


def _models(artefacts: tuple[str, ...], reference: str | None) -> list[str]:
    """All that is measured, each once, by the first of its spellings."""
    from gridrt.model.zoo import NAMES
    from gridrt.runtime import models_in

    named = [*([reference] if reference else []), *(artefacts or map(str, models_in(Path())))]
    spelled: dict[str, str] = {}
    for name in named:
        spelled.setdefault(name if name in NAMES else os.path.realpath(name), name)
    return list(spelled.values())


@contextmanager
def _dataset(images: Path | None, annotations: Path | None, max_images: int | None) -> Iterator[CocoDataset]:
    """The user's pictures, or drawn ones."""
    from gridrt.data.coco import CocoDataset

    if (images is None) != (annotations is None):
        raise click.UsageError("--images and --annotations go together.")
    if images is not None and annotations is not None:
        dataset = CocoDataset(images, annotations)
        yield dataset if max_images is None else dataset.first(max_images)
        return
    with TemporaryDirectory() as folder:
        yield _drawn(Path(folder), max_images or DRAWN_PICTURES)


def _drawn(folder: Path, count: int) -> CocoDataset:
    from gridrt.data.coco import CocoDataset
    from gridrt.data.synthetic import write_split

    with ticking(f"drawing {format_count(count, 'picture')}"):
        write_split(folder, "val", count)
    return CocoDataset(folder / "val", folder / "instances_val.json")


def _write(outcome: Outcome, json_file: Path | None, html_file: Path | None) -> None:
    from gridrt.files import write_text
    from gridrt.report.bench_report import save_bench_report

    if json_file is not None:
        write_text(json_file, outcome.result.to_json())
    if html_file is not None:
        save_bench_report(html_file, outcome.result, outcome.disagreements)


def _tell(result: BenchResult, written: list[Path], seconds: float) -> None:
    from gridrt.report.bench_table import bench_lines

    click.echo("\n".join(bench_lines(result)))
    measured = [row for row in result.rows if row.speed]
    if measured and all(row.accuracy is None for row in measured):
        click.echo("no AP: the drawn pictures show other classes. Give --images and --annotations.")
    places = f", in {', '.join(map(str, written))}" if written else ""
    images = f"{result.conditions['images_done']} of {format_count(result.conditions['images'], 'image')}"
    state = "measured" if result.complete else "interrupted, measured"
    of_all = "" if len(measured) == len(result.rows) else f"{len(measured)} of "
    artefacts = of_all + format_count(len(result.rows), "artefact")
    click.echo(f"{artefacts} {state} on {images}{places}, {seconds:.1f} s. ", nl=False)


def _following(result: BenchResult, models: list[str], images: Path | None) -> str:
    """The command that tells more: where the last file that was measured differs, if it is not alone."""
    measured = [row.artefact for row in result.rows if row.speed and row.artefact in models]
    others = [artefact for artefact in measured if artefact != result.reference]
    if not others:
        return command_line("inspect", result.reference)
    return command_line("compare", result.reference, others[-1], *(("--images", images) if images else ()))


def _exit_code(result: BenchResult) -> int:
    if not result.complete:
        return exit_codes.INTERRUPTED
    return 0 if all(gate.met for gate in result.gates) else exit_codes.GATE_NOT_MET
