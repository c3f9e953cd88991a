"""`gridrt detect`: find objects in pictures and videos, and draw them."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gridrt.cli import exit_codes, options
from gridrt.errors import ImageError

if TYPE_CHECKING:
    from gridrt.detector import Detector
    from gridrt.report.records import Record

STDOUT = Path("-")


@click.command("detect")
@click.argument("images", nargs=-1, required=True, metavar="IMAGES...")
@options.model
@click.option(
    "--out", type=click.Path(path_type=Path), default="detections", show_default=True, help="Folder to draw to."
)
@click.option(
    "json_file", "--json", type=click.Path(path_type=Path), help="Also list the detections here; - is stdout."
)
@click.option(
    "--score-threshold", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Leave out lower ones."
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

    IMAGES are files, folders (what lies right in them) and quoted patterns such as 'day*/**/*.jpg'. Each picture or
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
    _check_outputs(targets, json_file, [*sources, Path(model)])
    detector = open_detector(model, scale, threads=threads, trust_checkpoint=trust_checkpoint)
    records: list[Record] = []
    try:
        unread = _annotate_all(detector, sources, targets, score_threshold, records)
    finally:  # neither a full disk nor an interruption takes what was found until then
        _write_json(json_file, records, detector.class_names)
    if records:
        where = targets[0] if len(sources) == 1 else out
        _tell_success(records, where, json_file, time.perf_counter() - started, model)
    if unread:
        click.get_current_context().exit(exit_codes.USER_ERROR)


def _check_outputs(targets: Sequence[Path], json_file: Path | None, inputs: Sequence[Path]) -> None:
    """Refuse before the work what could not be written after it, or would destroy a file that is read."""
    from gridrt.files import check_apart, check_writable

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


def _tell_success(records: Sequence[Record], where: Path, json_file: Path | None, seconds: float, model: str) -> None:
    objects = sum(len(record.detections) for record in records)
    places = f"drawn in {where}"
    if json_file not in (None, STDOUT):
        places += f", listed in {json_file}"
    following = shlex.join(["gridrt", *(["inspect"] if model.endswith(".onnx") else ["export", "--weights"]), model])
    found = f"{_counted(objects, 'object')} in {_counted(len(records), 'image')}"
    click.echo(f"{found}, {places}, {seconds:.1f} s. Next: {following}", err=json_file == STDOUT)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
