"""`gridrt compare`: are two model files the same detector, and if not, at which stage do they first differ?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridrt.cli import exit_codes, options, paths
from gridrt.cli.messages import say
from gridrt.cli.program import command_line
from gridrt.formatting import format_count, format_scale

if TYPE_CHECKING:
    from gridrt.compare.compare import Comparison

MOST_IMAGES = 16


@click.command("compare")
@click.argument("reference", type=paths.MODEL, metavar="A")
@click.argument("other", type=paths.MODEL, metavar="B")
@click.option(
    "--images",
    type=paths.NAME,
    multiple=True,
    metavar="PATH",
    help=f"Image, folder or quoted pattern; may be repeated. At most {MOST_IMAGES} images are used, evenly spaced. "
    "INT8 needs images like those that it was calibrated on. [default: synthetic images]",
)
@click.option("--backend", default="auto", metavar="NAME", help="Runs those of A and B that it opens. [default: auto]")
@click.option("json_file", "--json", type=paths.OUTPUT, metavar="FILE", help="Also write the figures here.")
@options.scale
@options.threads
@options.trust_checkpoint
def command(
    *,
    reference: str,
    other: str,
    images: tuple[str, ...],
    backend: str,
    json_file: Path | None,
    scale: tuple[int, int] | None,
    threads: int | None,
    trust_checkpoint: bool,
) -> None:
    """Compare detector B with detector A, stage by stage, and name the first stage that differs.

    A and B are checkpoints, ONNX files, engines or names such as tiny_bccd. Stages are compared with teacher forcing:
    B receives A's selections, so that each stage answers for itself. Engines expose only final outputs: compare stages
    on the ONNX graph, and the engine end to end. If a tolerance is exceeded, the exit status is 3.
    """
    from gridrt.api import compare_models

    started = time.perf_counter()
    comparison = compare_models(
        reference,
        other,
        images=_files(images) if images else None,
        json_file=json_file,
        scale=scale,
        backend=backend,
        threads=threads,
        trust_checkpoint=trust_checkpoint,
    )
    done = _show(comparison, json_file)
    following = _next_command(comparison, are_synthetic=not images)
    say(f"{', '.join(done)}, {time.perf_counter() - started:.1f} s. Next: {following}")
    if comparison.first_difference is not None:
        click.get_current_context().exit(exit_codes.GATE_NOT_MET)


def _files(names: tuple[str, ...]) -> list[Path]:
    """The images behind names."""
    from gridrt.calib.images import spread
    from gridrt.data.sources import expand, is_video

    found = expand(names)
    images = [path for path in found if not is_video(path)]
    if videos := len(found) - len(images):
        say(f"warning: {format_count(videos, 'video')} left out: only images are compared on", err=True)
    return spread(images, MOST_IMAGES)


def _show(comparison: Comparison, json_file: Path | None) -> list[str]:
    """Print the table and the notes; returns the parts of the last line."""
    from gridrt.compare.table import format_difference, table

    say(table(comparison.results))
    for note in comparison.notes:
        say(f"note: {note}")
    first, sides = comparison.first_difference, (comparison.reference, comparison.other)
    compared = sum(bool(result.figures) for result in comparison.results)
    return [
        "same detector" if first is None else f"detectors differ, first at {format_difference(first)}",
        f"{compared} of {format_count(len(comparison.results), 'check')} made",
        f"{' and '.join(side.info.precision for side in sides)} on {format_count(comparison.images, 'image')}",
        f"scale {format_scale(comparison.scale)}",
        *([f"in {json_file}"] if json_file is not None else []),
    ]


def _next_command(comparison: Comparison, *, are_synthetic: bool) -> str:
    """The command that tells more."""
    reference, other = comparison.reference, comparison.other
    if comparison.first_difference is None:
        return command_line("evaluate", other.name, "--images", "DIR", "--annotations", "FILE")
    if are_synthetic and comparison.images and "int8" in (reference.info.precision, other.info.precision):
        say("note: these are synthetic images; INT8 needs images like those that it was calibrated on")
        return command_line("compare", reference.name, other.name, "--images", "DIR")
    return command_line("inspect", other.name)
