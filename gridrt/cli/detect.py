"""`gridrt detect`: find objects in pictures and videos, and draw them."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridrt.cli import exit_codes, options
from gridrt.cli.program import command_line
from gridrt.errors import ImageError, OutputError
from gridrt.formatting import format_count, format_scale_with_origin

if TYPE_CHECKING:
    from gridrt.detector import Detector
    from gridrt.report.records import Record

STDOUT = Path("-")


@click.command("detect")
@click.argument("images", nargs=-1, required=True, metavar="IMAGES...")
@options.model
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default="detections",
    show_default=True,
    help="Folder to draw to.",
)
@click.option(
    "json_file",
    "--json",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Also list the detections here; - is stdout.",
)
@click.option(
    "--score-threshold",
    type=click.FloatRange(0, 1),
    metavar="SCORE",
    default=0.3,
    show_default=True,
    help="Leave out lower ones.",
)
@options.scale
@options.threads
@options.trust_checkpoint
def command(
    *,
    images: tuple[str, ...],
    model: str | None,
    out: Path,
    json_file: Path | None,
    score_threshold: float,
    scale: tuple[int, int] | None,
    threads: int | None,
    trust_checkpoint: bool,
) -> None:
    """Find objects in pictures and videos, and draw them.

    IMAGES are files, folders (without those within them) and quoted patterns such as 'day*/**/*.jpg'. Each picture or
    video gets a copy with boxes, names and scores; the originals stay as they are. What cannot be read is named,
    and the rest is done.
    """
    from gridrt.data.sources import expand
    from gridrt.detector import open_detector
    from gridrt.report.annotate import plan_targets
    from gridrt.runtime import only_model_in

    started = time.perf_counter()
    sources = expand(images)
    targets = plan_targets(sources, out)
    model = model or str(only_model_in(Path()))
    _check_outputs(out, targets, json_file, [*sources, Path(model)])
    detector = open_detector(model, scale, threads=threads, trust_checkpoint=trust_checkpoint)
    records: list[Record] = []
    try:
        unread = _annotate_all(detector, sources, targets, score_threshold, records)
    finally:  # neither a full disk nor an interruption takes what was found until then
        _write_json(json_file, records, detector.class_names)
    if records:
        done = [_found(records), format_scale_with_origin(detector.scale, detector.scale_origin)]
        done += [f"drawn in {targets[0] if len(sources) == 1 else out}"]
        done += [] if json_file in (None, STDOUT) else [f"listed in {json_file}"]
        done += [f"{unread} of {format_count(len(sources), 'file')} not read whole"] if unread else []
        following = command_line("evaluate", "--model", model, "--images", "DIR", "--annotations", "FILE")
        seconds = time.perf_counter() - started
        click.echo(f"{', '.join(done)}, {seconds:.1f} s. Next: {following}", err=json_file == STDOUT)
    if unread:
        click.get_current_context().exit(exit_codes.USER_ERROR)


def _check_outputs(out: Path, targets: Sequence[Path], json_file: Path | None, inputs: Sequence[Path]) -> None:
    """Refuse before the work what could not be written after it, or would destroy a file that is read."""
    from gridrt.files import check_apart, check_writable

    if out.exists() and not out.is_dir():
        remedy = "Pictures keep their names in that folder."
        raise OutputError("--out must be a folder", place=out, value="a file", remedy=remedy)
    listings = [] if json_file in (None, STDOUT) else [json_file]
    check_apart([*targets, *listings], inputs)
    for listing in listings:
        check_writable(listing)


def _annotate_all(
    detector: Detector,
    sources: Sequence[Path],
    targets: Sequence[Path],
    score_threshold: float,
    records: list[Record],
) -> int:
    """Append what is found to `records`, and count the sources that cannot be read whole; stderr names those."""
    from tqdm import tqdm

    from gridrt.report.annotate import annotate, frame_count

    unread = 0
    total = sum(map(frame_count, sources))
    with tqdm(total=total, unit="image", disable=None if total > 1 else True) as bar:
        for source, target in zip(sources, targets, strict=True):
            try:
                for record in annotate(detector, source, target, score_threshold):
                    records.append(record)
                    bar.update()
            except ImageError as error:  # noqa: PERF203 - one bad picture stops none of the others
                unread += 1
                tqdm.write(f"error: {error}", file=sys.stderr)
    return unread


def _write_json(target: Path | None, records: Sequence[Record], class_names: Sequence[str]) -> None:
    from gridrt.files import write_text
    from gridrt.report.records import to_json

    if target is None or not records:
        return
    text = to_json(records, class_names)
    if target == STDOUT:
        click.echo(text, nl=False)
    else:
        write_text(target, text)


def _found(records: Sequence[Record]) -> str:
    """Such as `3 objects in 2 images and 10 frames`."""
    objects = sum(len(record.detections) for record in records)
    frames = sum(record.frame is not None for record in records)
    kinds = {"image": len(records) - frames, "frame": frames}
    return f"{format_count(objects, 'object')} in {' and '.join(format_count(each, noun) for noun, each in kinds.items() if each)}"
