"""Engines of the small detector that ships, in FP32, FP16 and INT8: built here, run here, compared, and their AP.

    python -m benchmarks.gpu_engines

The set is BCCD, in the folder that GRIDRT_DATA names; without it, synthetic images with the weights for those. It has
not run on a GPU yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from benchmarks.gpu_accuracy import format_ap
from benchmarks.gpu_engine import built, engine_figures
from benchmarks.gpu_images import reported_set
from benchmarks.gpu_report import RESULTS, Report, run_part

if TYPE_CHECKING:
    from benchmarks.training_sets import TrainingSet
    from gridrt.calib.affine import Range
    from gridrt.calib.fidelity import Fidelity
    from gridrt.data.coco import CocoDataset
    from gridrt.detector import Detector
    from gridrt.graph.graph import Graph

PRECISIONS = ("fp32", "fp16", "int8")
COMPARED = 8
"""Images."""
BUILD_SECONDS = 90.0


@click.command
@click.option(
    "--out", type=click.Path(path_type=Path), default=RESULTS / "gpu_engines.json", help="JSON file to write."
)
def command(*, out: Path) -> None:
    """Build engines of `tiny`, and compare what they detect with ONNX Runtime, and their AP with PyTorch's."""
    with TemporaryDirectory() as folder:
        run_part(out, lambda report: measure(Path(folder), report))


def measure(folder: Path, report: Report) -> None:
    """For each precision the engine's AP, and its detections beside ONNX Runtime's."""
    from gridrt.export.onnx_export import onnx_from_model, save_onnx
    from gridrt.files import sha256_of
    from gridrt.model.checkpoint import load_model

    data, root, weights, dataset = reported_set(folder, report)
    graph = folder / "graph.fp32.onnx"
    save_onnx(onnx_from_model(load_model(weights), sha256_of(weights)), graph)
    for precision in PRECISIONS:
        with report.attempt(f"engine {precision}"):
            _add_engine(precision, _graph(precision, graph, root, data), dataset, report)


def _graph(precision: str, graph: Path, root: Path, data: TrainingSet) -> Path:
    """The FP32 graph in a precision, beside it; INT8 with ranges of training images."""
    if precision == "fp32":
        return graph
    from gridrt.calib.graph_files import save_rewritten
    from gridrt.calib.recipe import load_recipe
    from gridrt.calib.rewrite import apply_recipe
    from gridrt.calib.targets import TARGETS
    from gridrt.graph.graph import load_graph

    recipe, target = load_recipe(precision), TARGETS["tensorrt"]
    loaded = load_graph(graph)
    ranges = _ranges(loaded, root, data) if recipe.quantizes else {}
    written = graph.with_name(f"graph.{precision}.onnx")
    rewritten = apply_recipe(loaded.model, recipe, target, ranges)
    save_rewritten(rewritten, written, recipe, target, loaded.sha256, {})
    return written


def _ranges(graph: Graph, root: Path, data: TrainingSet) -> Mapping[str, Range]:
    from benchmarks.precision import METHOD, calibration_images
    from gridrt.calib.observe import observable_session, observe
    from gridrt.calib.range_methods import METHODS, ranges_of

    images, cache = calibration_images(root, data), graph.path.with_suffix(".npz")
    observers = observe(graph, observable_session(graph), images, data.scale, cache).observers
    return ranges_of(observers, METHODS[METHOD])


def _add_engine(precision: str, graph: Path, dataset: CocoDataset, report: Report) -> None:
    from gridrt.detector import Detector
    from gridrt.eval import evaluate
    from gridrt.runtime.tensorrt.session import TensorRTSession

    engine = graph.with_suffix(".engine")
    manifest = built(graph, engine, seconds=BUILD_SECONDS)
    report.add(f"engine {precision}, built", f"{manifest.seconds:.1f} s", **engine_figures(manifest))
    detector = Detector(TensorRTSession(engine))
    agreed = compared(detector, graph, dataset)
    report.add(f"engine {precision} beside ONNX Runtime", str(agreed), **agreed.to_json())
    found = evaluate(detector, dataset).overall
    report.add(f"engine {precision}, AP", format_ap(found), overall=asdict(found))


def compared(detector: Detector, graph: Path, dataset: CocoDataset) -> Fidelity:
    """Matched detections of a detector and of ONNX Runtime, with the same graph on the CPU, in some images."""
    from gridrt.calib.fidelity import detect_in, fidelity
    from gridrt.data.image import load_image
    from gridrt.detector import Detector
    from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession

    images = [load_image(dataset.path(index)) for index in range(min(COMPARED, len(dataset)))]
    reference = Detector(OnnxRuntimeSession(graph, ["CPUExecutionProvider"]))
    return fidelity(detect_in(reference, images), detect_in(detector, images))


if __name__ == "__main__":
    command()
