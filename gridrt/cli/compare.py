"""`gridrt compare`: is it still the same detector, and if not, from which stage on?"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import exit_codes, options
from gridrt.cli.program import command_line
from gridrt.formatting import format_count, format_scale

if TYPE_CHECKING:
    from gridrt.compare.artefact import Artefact
    from gridrt.compare.compare import Comparison
    from gridrt.types import UInt8Array

MOST_PICTURES = 16


@click.command("compare")
@click.argument("reference", metavar="A")
@click.argument("other", metavar="B")
@click.option(
    "--images",
    multiple=True,
    metavar="PATH",
    help="Picture, folder or quoted pattern; may be repeated. Of more than "
    f"{MOST_PICTURES} pictures, so many are taken. INT8 wants those that are like what it was calibrated on. "
    "[default: pictures that are drawn for it]",
)
@click.option(
    "json_file", "--json", type=click.Path(path_type=Path), metavar="FILE", help="Also write the figures here."
)
@options.scale
@options.threads
@options.trust_checkpoint
def command(
    *,
    reference: str,
    other: str,
    images: tuple[str, ...],
    json_file: Path | None,
    scale: tuple[int, int] | None,
    threads: int | None,
    trust_checkpoint: bool,
) -> None:
    """Compare detector B with detector A, stage by stage, and name the first stage that differs.

    A and B are checkpoints, ONNX files, engines or names such as tiny_bccd. Wherever a detector selects, B goes on with
    what A has selected: a swap of ranks is no difference, and each stage answers for itself. Tolerances are those of
    the lower of both precisions; where one is exceeded, the exit status is 3.
    """
    from gridrt.compare.compare import compare

    started = time.perf_counter()
    _check(reference, other, json_file)
    pictures = _pictures(images)
    sides = _open(reference, other, threads, trust_checkpoint=trust_checkpoint)
    infos = [side.session.info for side in sides]
    scale = scale or next((info.scale for info in infos if info.noted_scale), infos[0].scale)
    comparison = compare(*sides, pictures, scale)
    conditions = _conditions(sides, scale)
    _write_json(json_file, conditions | comparison.to_json())
    done = _told(comparison, sides, scale, json_file)
    following = _following(comparison, sides, drawn=not images)
    click.echo(f"{', '.join(done)}, {time.perf_counter() - started:.1f} s. Next: {following}")
    if comparison.first is not None:
        click.get_current_context().exit(exit_codes.GATE_NOT_MET)


def _check(reference: str, other: str, json_file: Path | None) -> None:
    """Refuse before the work what could not be written after it, would destroy a file that is read, or be ignored."""
    from gridrt.files import check_apart, check_writable
    from gridrt.model.zoo import locate

    if json_file is not None:
        check_apart([json_file], [locate(reference), locate(other)])
        check_writable(json_file)


def _pictures(names: tuple[str, ...]) -> Iterator[UInt8Array]:
    """Those that are named, each read when it is its turn, or drawn ones."""
    from gridrt.calib.images import spread
    from gridrt.compare.compare import drawn_pictures
    from gridrt.data.image import load_image
    from gridrt.data.sources import expand, is_video

    if not names:
        return iter(drawn_pictures())
    paths = [path for path in expand(names) if not is_video(path)]
    return map(load_image, spread(paths, MOST_PICTURES))


def _open(reference: str, other: str, threads: int | None, *, trust_checkpoint: bool) -> tuple[Artefact, Artefact]:
    from gridrt.compare.artefact import open_artefacts

    return open_artefacts((reference, other), threads=threads, trust_checkpoint=trust_checkpoint)


def _conditions(sides: Sequence[Artefact], scale: tuple[int, int]) -> dict[str, Any]:
    """Under which the figures were found."""
    import gridrt

    facts = ("name", "sha256", "weights_sha256", "precision")
    described = [{fact: getattr(side, fact) for fact in facts} for side in sides]
    return {"gridrt": gridrt.__version__, "a": described[0], "b": described[1], "scale": list(scale)}


def _write_json(target: Path | None, content: dict[str, Any]) -> None:
    from gridrt.files import write_text

    if target is not None:
        write_text(target, json.dumps(content, indent=2) + "\n")


def _told(
    comparison: Comparison, sides: Sequence[Artefact], scale: tuple[int, int], json_file: Path | None
) -> list[str]:
    """Show the table; returns the words of the last line."""
    from gridrt.compare.table import table, told

    click.echo(table(comparison.results))
    for note in comparison.notes:
        click.echo(f"note: {note}")
    compared = sum(bool(result.figures) for result in comparison.results)
    first = comparison.first
    verdict = "the same detector" if first is None else f"not the same detector, first by {told(first)}"
    done = [f"{verdict}, {compared} of {format_count(len(comparison.results), 'stage')} compared"]
    done += [f"{' and '.join(side.precision for side in sides)} on {format_count(comparison.pictures, 'picture')}"]
    return [*done, f"scale {format_scale(scale)}", *([f"in {json_file}"] if json_file is not None else [])]


def _following(comparison: Comparison, sides: Sequence[Artefact], *, drawn: bool) -> str:
    """The command that tells more; ranges of INT8 are held only against pictures like those they were found on."""
    first, other = sides
    if comparison.first is None:
        return command_line("evaluate", "--model", other.name, "--images", "DIR", "--annotations", "FILE")
    if drawn and comparison.pictures and any(side.precision == "int8" for side in sides):
        click.echo("note: the pictures are drawn ones, and INT8 fits those that are like what it was calibrated on")
        return command_line("compare", first.name, other.name, "--images", "DIR")
    return command_line("inspect", other.name)
