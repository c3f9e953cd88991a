"""`gridrt detect`: find objects in images and videos, and draw them."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import exit_codes, list_options, options, paths, throughput_options
from gridrt.cli.last_words import last_words
from gridrt.cli.messages import brief, say
from gridrt.cli.program import command_line
from gridrt.formatting import format_count, format_scale_with_origin, format_tiles

if TYPE_CHECKING:
    from gridrt.errors import GridRTError
    from gridrt.report.file_detections import FileDetections


@click.command("detect")
@click.argument("images", type=paths.NAME, nargs=-1, required=True, metavar="IMAGES...")
@options.model
@click.option(
    "--out",
    type=paths.OUTPUT_FOLDER,
    metavar="DIR",
    default="detections",
    show_default=True,
    help="Folder of the annotated copies.",
)
@click.option("--no-draw", is_flag=True, help="Write no annotated copies.")
@list_options.lists
@click.option(
    "--score-threshold",
    type=click.FloatRange(0, 1),
    metavar="SCORE",
    default=0.3,
    show_default=True,
    help="Leave out detections with lower scores.",
)
@click.option(
    "--classes",
    multiple=True,
    metavar="NAME",
    help="Leave out detections of other classes. Repeat it for several. [default: all classes]",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue an interrupted run from NAME.partial.jsonl beside its first list, or partial.jsonl in --out; begin "
    "where there is none.",
)
@throughput_options.batch
@throughput_options.workers
@options.opening
def command(
    *,
    images: tuple[str, ...],
    model: str | None,
    out: Path,
    no_draw: bool,
    classes: tuple[str, ...],
    **chosen: Any,  # noqa: ANN401 - those of detect_files
) -> None:
    """Find objects in images and videos, and draw them.

    IMAGES are files, folders (without those within them) and quoted patterns such as 'day*/**/*.jpg'. Each image or
    video gets a copy with boxes, names and scores; the originals stay as they are. A file that cannot be read is named
    on stderr, and the others are done. After a kill or Ctrl-C the same command with --resume does the other files;
    without it, results of an interrupted run are not overwritten: remove its partial file to start over. A warning
    counts the images with as many detections as the model can return: more objects may be there, see gridrt export
    --max-detections.
    """
    from tqdm import tqdm

    from gridrt.api import detect_files
    from gridrt.runtime import only_model_in

    started = time.perf_counter()
    unread: list[GridRTError] = []

    def on_error(error: GridRTError) -> None:
        unread.append(error)
        tqdm.write(f"error: {brief(error)}", file=sys.stderr)

    model = model or str(only_model_in(Path(), chosen["backend"]))
    listed, is_stdout_taken = list_options.targets_of(chosen)
    drawn_in = None if no_draw else out
    files: FileDetections | None = None
    objects, counts = 0, {"image": 0, "frame": 0}
    try:
        with last_words(model):
            files = detect_files(model, images, drawn_in, classes=classes or None, on_error=on_error, **chosen)
            for record in files:
                objects += len(record.detections)
                counts["image" if record.frame is None else "frame"] += 1
    except KeyboardInterrupt:
        if files is not None and files.finished is not None and any(counts.values()):
            say("The same command with --resume continues.", err=True)
        raise
    if any(counts.values()):
        read = " and ".join(format_count(count, noun) for noun, count in counts.items() if count)
        done = [f"{format_count(objects, 'object')} in {read}"]
        done += [format_scale_with_origin(files.detector.scale, files.detector.scale_origin)]
        done += [format_tiles(files.detector.tile)] if files.detector.tile else []
        done += [] if no_draw else [f"drawn in {files.targets[0] if len(files.targets) == 1 else out}"]
        done += [f"listed in {file}" for file in listed]
        done += [f"{len(unread)} of {format_count(len(files.sources), 'file')} not read whole"] if unread else []
        done += [f"{time.perf_counter() - started:.1f} s"]
        following = command_line("evaluate", model, "--images", "DIR", "--annotations", "FILE")
        say(f"{', '.join(done)}. Next: {following}", err=is_stdout_taken)
    if unread:
        click.get_current_context().exit(exit_codes.USER_ERROR)
