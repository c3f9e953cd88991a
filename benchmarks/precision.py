"""AP of a detector that ships, in every precision and as each target wants it, on its own test set.

    python -m benchmarks.precision bccd
    python -m benchmarks.precision synthetic
    python -m benchmarks.precision --table

The last prints what the others wrote as one table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import onnx
from onnx import ModelProto

from benchmarks.training_sets import SETS, TrainingSet
from gridrt.api import open_detector
from gridrt.calib.affine import Range
from gridrt.calib.images import spread
from gridrt.calib.observe import observable_session, observe
from gridrt.calib.range_methods import METHODS, ranges_of
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.data.coco import CocoDataset
from gridrt.detector import Detector
from gridrt.eval import AveragePrecision, evaluate
from gridrt.export.onnx_export import onnx_from_model, save_onnx
from gridrt.files import check_writable, sha256_of, write_text
from gridrt.graph.half_simulation import half_simulation
from gridrt.machine.conditions import machine
from gridrt.model.checkpoint import load_model
from gridrt.model.zoo import locate
from gridrt.report.metrics import FIGURES
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession

RESULTS = Path(__file__).parent / "results"
METHOD, CALIBRATION_IMAGES = "mse", 64
ROUNDED = "rounded to FP16 at every node"
TITLES = {"fp16": "FP16", "int8": "INT8", "mixed": "mixed", "tensorrt": "TensorRT", "cpu": "a CPU"}
# What is written and how it runs: (recipe, target, whether every FP16 tensor is rounded as on a GPU).
GRAPHS = (
    ("fp16", "tensorrt", False),
    ("fp16", "tensorrt", True),
    ("int8", "tensorrt", True),
    ("int8", "cpu", False),
    ("mixed", "tensorrt", True),
    ("mixed", "cpu", False),
)


@click.command
@click.argument("name", type=click.Choice(list(SETS)), required=False)
@click.option("--table", is_flag=True, help="Print the committed results.")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads.")
@click.option(
    "--work", type=click.Path(path_type=Path), default="trainings", show_default=True, help="Folder of synthetic sets."
)
def command(*, name: str | None, table: bool, threads: int, work: Path) -> None:
    """Measure AP in every precision on a set, bccd (in the folder that GRIDRT_DATA names) or synthetic."""
    if name is None and not table:
        raise click.UsageError("Name a set, or ask for the --table.")
    if name is not None:
        target = RESULTS / f"precision_{name}.json"
        check_writable(target)
        with TemporaryDirectory() as folder:
            figures = measure(name, Path(folder), work, threads)
        write_text(target, json.dumps(figures, indent=2) + "\n")
        click.echo(f"Written to {target}")
    click.echo("\n".join(lines(RESULTS)))


def measure(name: str, folder: Path, work: Path, threads: int) -> dict[str, Any]:
    """All rows of the table for a set, with their conditions."""
    data, weights = SETS[name], locate(f"tiny_{name}")
    root = data.find(work)
    dataset = CocoDataset(root / data.val_images, root / data.val_annotations)
    graph = folder / "graph.onnx"
    exported = save_onnx(onnx_from_model(load_model(weights), sha256_of(weights)), graph)
    calibration = calibration_images(root, data)
    session = observable_session(exported, threads)
    seen = observe(exported, session, calibration, data.scale, folder / "cache.npz")
    ranges = ranges_of(seen.observers, METHODS[METHOD])
    rows = [
        _row("PyTorch FP32", weights, evaluate(open_detector(weights, threads=threads), dataset).overall),
        _row("ONNX FP32", graph, evaluate(_detector(graph, threads), dataset).overall),
        *_rewritten_rows(exported.model, ranges, dataset, folder, threads),
    ]
    conditions = {
        **machine(),
        "weights_sha256": sha256_of(weights),
        "annotations": data.val_annotations,
        "images": len(dataset),
        "scale": list(data.scale),
        "calibration": {"method": METHOD, "images": len(calibration), "of": "the training set"},
        "threads": threads,
    }
    return {"rows": rows, "conditions": conditions}


def calibration_images(root: Path, data: TrainingSet) -> list[Path]:
    """Of the training set."""
    training = CocoDataset(root / data.train_images, root / data.train_annotations[0])
    return spread([training.path(index) for index in range(len(training))], CALIBRATION_IMAGES)


def _rewritten_rows(
    model: ModelProto, ranges: Mapping[str, Range], dataset: CocoDataset, folder: Path, threads: int
) -> Iterator[dict[str, Any]]:
    for recipe, target, is_rounded in GRAPHS:
        rewritten = apply_recipe(model, load_recipe(recipe), TARGETS[target], ranges)
        written, run = folder / f"{recipe}.{target}.onnx", folder / "run.onnx"
        onnx.save(rewritten, written)
        onnx.save(half_simulation(rewritten) if is_rounded else rewritten, run)
        what = f"ONNX {TITLES[recipe]} for {TITLES[target]}"
        precision = evaluate(_detector(run, threads), dataset).overall
        yield _row(f"{what}, {ROUNDED}" if is_rounded else what, written, precision)


def _detector(graph: Path, threads: int) -> Detector:
    return Detector(OnnxRuntimeSession(graph, ["CPUExecutionProvider"], threads))


def _row(what: str, file: Path, precision: AveragePrecision) -> dict[str, Any]:
    return {"what": what, "bytes": file.stat().st_size, "overall": asdict(precision)}


def lines(results: Path) -> Iterator[str]:
    """The table in Markdown, of all sets that were measured: figures in points of 100."""
    yield f"| set | graph | MB | {' | '.join(FIGURES)} |"
    yield "| --- " * (len(FIGURES) + 3) + "|"
    for name in SETS:
        file = results / f"precision_{name}.json"
        for row in json.loads(file.read_text())["rows"] if file.exists() else ():
            figures = " | ".join(f"{100 * row['overall'][key]:.2f}" for key in FIGURES.values())
            yield f"| {name} | {row['what']} | {row['bytes'] / 1e6:.1f} | {figures} |"


if __name__ == "__main__":
    command()
