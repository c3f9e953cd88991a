"""`gridrt evaluate`: measure average precision on annotated images."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gridrt.cli import exit_codes, options
from gridrt.cli.program import command_line
from gridrt.wording import counted, told_scale

if TYPE_CHECKING:
    from gridrt.data.coco import CocoDataset
    from gridrt.detector import Detector
    from gridrt.eval import Evaluation

FILE = click.Path(path_type=Path)
CURVES = "precision_recall.png"
WORST = 12  # pictures of mistakes
SCORE_THRESHOLD = 0.3  # of detections in those


@click.command("evaluate")
@options.model
@click.option("--images", type=FILE, required=True, metavar="DIR", help="Folder of the images.")
@click.option("--annotations", type=FILE, required=True, metavar="FILE", help="Their boxes, as COCO's JSON.")
@click.option("json_file", "--json", type=FILE, metavar="FILE", help="Also write the figures here.")
@click.option("results_file", "--results", type=FILE, metavar="FILE", help="Write all detections, as COCO's JSON.")
@click.option(
    "--pictures", type=FILE, metavar="DIR", help="Draw precision over recall (by matplotlib), and the worst mistakes."
)
@options.scale
@options.threads
@options.trust_checkpoint
def command(  # noqa: PLR0913 - a verb's options
    *,
    model: str | None,
    images: Path,
    annotations: Path,
    json_file: Path | None,
    results_file: Path | None,
    pictures: Path | None,
    scale: tuple[int, int] | None,
    threads: int | None,
    trust_checkpoint: bool,
) -> None:
    """Measure average precision on annotated images, as COCO defines it.

    The categories of the annotation file are matched to the model's classes by name. Several processes share the images
    with: torchrun --nproc-per-node 2 -m gridrt evaluate ...
    """
    from gridrt import processes
    from gridrt.data.coco import CocoDataset
    from gridrt.detector import open_detector
    from gridrt.eval import Evaluation, detect_all
    from gridrt.runtime import only_model_in

    _check_outputs(json_file, results_file, pictures)
    model = model or str(only_model_in(Path()))
    dataset = CocoDataset(images, annotations)
    with processes.process_group():
        detector = open_detector(model, scale, threads=threads, trust_checkpoint=trust_checkpoint)
        started = time.perf_counter()
        found = detect_all(detector, dataset)
        seconds = time.perf_counter() - started
        is_first, count = processes.rank() == 0, processes.count()
    if is_first:
        evaluation = Evaluation(dataset, found.results, found.failed)
        conditions = _conditions(model, annotations, detector, count, seconds)
        _write_json(json_file, conditions | evaluation.metrics().to_json())
        _write_json(results_file, found.results)
        _draw(pictures, dataset, evaluation)
        _tell(evaluation, conditions, [file for file in (json_file, results_file, pictures) if file is not None])
        if evaluation.failed:
            click.get_current_context().exit(exit_codes.USER_ERROR)


def _check_outputs(json_file: Path | None, results_file: Path | None, pictures: Path | None) -> None:
    """Refuse before hours of work what could not be written after them."""
    from gridrt.files import check_writable
    from gridrt.report.figure import require_matplotlib

    for file in (json_file, results_file):
        if file is not None:
            check_writable(file)
    if pictures is not None:
        require_matplotlib()
        check_writable(pictures / CURVES)


def _conditions(
    model: str, annotations: Path, detector: Detector, process_count: int, seconds: float
) -> dict[str, Any]:
    """Under which the figures were measured."""
    import gridrt
    from gridrt.files import sha256_of
    from gridrt.model.zoo import locate

    return {
        "gridrt": gridrt.__version__,
        "model": model,
        "model_sha256": sha256_of(locate(model)),
        "annotations": str(annotations),
        "annotations_sha256": sha256_of(annotations),
        "scale": list(detector.scale),
        "scale_origin": detector.scale_origin,
        "processes": process_count,
        "seconds": round(seconds, 3),
    }


def _write_json(target: Path | None, content: object) -> None:
    from gridrt.files import write_text

    if target is not None:
        write_text(target, json.dumps(content, indent=None if isinstance(content, list) else 2) + "\n")


def _draw(folder: Path | None, dataset: CocoDataset, evaluation: Evaluation) -> None:
    from gridrt.report.mistakes import save_mistakes
    from gridrt.report.precision_recall import draw_precision_recall

    if folder is not None:
        draw_precision_recall(folder / CURVES, evaluation)
        save_mistakes(folder, dataset, evaluation.mistakes(SCORE_THRESHOLD)[:WORST])


def _tell(evaluation: Evaluation, conditions: Mapping[str, Any], written: Sequence[Path]) -> None:
    """The figures, under which conditions they were measured, and in one line what was done."""
    from gridrt.report.metrics import points, table

    metrics = evaluation.metrics()
    click.echo(table(metrics))
    scale = told_scale(conditions["scale"], conditions["scale_origin"])
    click.echo(
        f"in points of 100: {conditions['model']} ({conditions['model_sha256'][:12]}), {scale}, "
        f"at most 100 detections an image, {counted(conditions['processes'], 'process')}"
    )
    places = f", in {', '.join(map(str, written))}" if written else ""
    seconds, following = conditions["seconds"], command_line("detect", "IMAGES", "--model", conditions["model"])
    click.echo(
        f"AP {points(metrics.overall.ap)} on {counted(metrics.images, 'image')}{places}, {seconds:.1f} s "
        f"({seconds / metrics.images:.3f} s per image). Next: {following}"
    )
