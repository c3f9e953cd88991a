"""`gridrt evaluate`: measure average precision on annotated images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gridrt.cli import exit_codes, options, paths, throughput_options
from gridrt.cli.last_words import last_words
from gridrt.cli.messages import brief, say
from gridrt.cli.program import command_line
from gridrt.formatting import format_count, format_scale_with_origin, format_tiles


@click.command("evaluate")
@options.model_argument("--model")
@click.option("--images", type=paths.INPUT_FOLDER, required=True, metavar="DIR", help="Folder of the images.")
@click.option("--annotations", type=paths.INPUT, required=True, metavar="FILE", help="Their boxes, as COCO's JSON.")
@click.option("json_file", "--json", type=paths.OUTPUT, metavar="FILE", help="Also write the figures here.")
@click.option(
    "results_file", "--results", type=paths.OUTPUT, metavar="FILE", help="Write all detections, as COCO's JSON."
)
@click.option(
    "--pictures",
    type=paths.OUTPUT_FOLDER,
    metavar="DIR",
    help="Draw precision over recall and the worst mistakes; needs matplotlib.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue an interrupted evaluation from NAME.partial.jsonl beside its output; begin where there is none.",
)
@options.allow_missing
@options.first_images
@throughput_options.batch
@throughput_options.workers
@options.opening
def command(
    *,
    model: str | None,
    images: Path,
    annotations: Path,
    json_file: Path | None,
    results_file: Path | None,
    pictures: Path | None,
    resume: bool,
    **chosen: Any,  # noqa: ANN401 - those of evaluate
) -> None:
    """Measure average precision on annotated images, as COCO defines it.

    MODEL is a checkpoint, an ONNX file, a TensorRT engine or a name such as r50; without it, the only model in the
    current folder is taken, of a checkpoint and its ONNX file the ONNX file.

    The categories of the annotation file are matched to the model's classes by name. COCO counts the best 100
    detections of a class in an image, however many the model returns. Several processes share the images with:
    torchrun --nproc-per-node 2 -m gridrt evaluate ...

    Outputs are written at the end. Until then NAME.partial.jsonl beside --results or --json, or partial.jsonl in
    --pictures alone, keeps the detections of each image. After a kill or Ctrl-C the same command with --resume runs the
    other images, and again those that failed or have changed. Without --resume such a file is not overwritten: remove
    it to start over.
    """
    from gridrt import processes
    from gridrt.api import evaluate
    from gridrt.report.metrics import points, table
    from gridrt.runtime import only_model_in

    model = model or str(only_model_in(Path(), chosen["backend"]))
    places: dict[str, Any] = {"json_file": json_file, "results_file": results_file, "pictures": pictures}
    with processes.process_group():
        try:
            with last_words(model):
                report = evaluate(model, images, annotations, **places, resume=resume, **chosen)
        except KeyboardInterrupt:
            if processes.rank() == 0 and any(places.values()):
                say("The same command with --resume continues.", err=True)
            raise
        if processes.rank() > 0:
            return
    metrics, conditions = report.metrics, report.conditions
    seconds = conditions["seconds"]
    for reason in metrics.failed.values():
        say(f"error: {brief(reason)}", err=True)
    written = [str(place) for place in places.values() if place is not None]
    say(table(metrics))
    figure = f"AP {points(metrics.overall.ap)}"
    if metrics.overall.ap is None:
        figure = f"no objects in the annotations, {format_count(report.false_positives, 'false positive')}"
    tiles = f"{format_tiles(conditions['tile'])}, " if conditions["tile"] else ""
    say(
        f"in points of 100: {model} ({conditions['model_sha256'][:12]}) by {conditions['backend']} on "
        f"{conditions['device']}, {format_scale_with_origin(conditions['scale'], conditions['scale_origin'])}, "
        f"{tiles}at most {conditions['max_detections']} detections {'a run' if tiles else 'an image'}"
        f"{', of which COCO counts 100 of a class' if conditions['max_detections'] > 100 else ''}, "
        f"{format_count(conditions['processes'], 'process')}"
    )
    destination = f"{', in ' if written else ''}{', '.join(written)}"
    duration = f"{seconds:.1f} s ({seconds / max(metrics.images, 1):.3f} s per image)"
    following = command_line("detect", "IMAGES", "--model", model)
    say(f"{figure} on {format_count(metrics.images, 'image')}{destination}, {duration}. Next: {following}")
    if metrics.failed:
        click.get_current_context().exit(exit_codes.USER_ERROR)
