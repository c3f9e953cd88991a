"""From an FP32 graph and a folder of images to a graph in INT8, with what it costs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gridrt.calib.evaluation import RecipeEvaluator
from gridrt.calib.fidelity import Fidelity
from gridrt.calib.graph_files import check_float_graph, default_cache, default_name, save_rewritten
from gridrt.calib.images import images_in, listed_images, spread, warn_of_overlap
from gridrt.calib.observe import observable_session, observe
from gridrt.calib.range_methods import METHODS, ranges_of
from gridrt.calib.recipe import Recipe, RecipeError, load_recipe, recipe_text
from gridrt.calib.sensitivity import BlockCost, Mixture, blocks_of, costs, mixture, within
from gridrt.calib.targets import TARGETS
from gridrt.data.coco import CocoDataset
from gridrt.detector import Detector
from gridrt.errors import GridRTError
from gridrt.eval.bootstrap import Interval
from gridrt.files import check_outputs, require_suffix, write_text
from gridrt.graph.graph import Graph
from gridrt.options import check_range
from gridrt.runtime.advice import warn_of_saturation

COMPARED_IMAGES = 8
"""Detections are compared in at most so many of the calibration images."""


@dataclass(frozen=True)
class Calibrated:
    """A graph in INT8 that was written, and what it costs.

    Attributes:
        graph: as it was written.
        recipe: that it was rewritten by: the one asked for, or the mixture found for a budget.
        recipe_file: where that mixture was written; None without a budget.
        images: how many images the ranges come from; those that cannot be read are left out.
        fidelity: of its detections to those of the graph in FP32, in some of those images.
        ap: of the graph in FP32, in points of 100; None without annotations.
        ap_after: of `graph`, with FP16 rounded as on a GPU.
        ap_drop_interval: that holds 95 % of the loss of AP over resampled images, in points of 100; None without
            annotations.
        ranking: what each block costs alone, costliest first; empty where that was neither asked for nor needed.
        mixture: what was found for a budget.
        calibration: method, images and scale, as they are in the graph's metadata.
    """

    graph: Graph
    recipe: Recipe
    recipe_file: Path | None
    images: int
    fidelity: Fidelity
    ap: float | None
    ap_after: float | None
    ap_drop_interval: Interval | None
    ranking: list[BlockCost]
    mixture: Mixture | None
    calibration: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """All figures, ready for JSON."""
        return {
            "recipe": self.recipe.name,
            "calibration": self.calibration,
            "fidelity": self.fidelity.to_json(),
            "ap": self.ap,
            "ap_after": self.ap_after,
            "ap_drop_interval": self.ap_drop_interval,
            "blocks": [asdict(cost) for cost in self.ranking],
            "kept_in_fp16": [] if self.mixture is None else list(self.mixture.kept_back),
        }


def calibrate(  # noqa: PLR0913 - one keyword for each choice
    graph: Graph,
    images: Path,
    *,
    recipe: Recipe | str | Path = "int8",
    target: str = "tensorrt",
    method: str = "mse",
    max_images: int = 200,
    annotations: Path | None = None,
    calibrate_annotations: Path | None = None,
    allow_missing: bool = False,
    sensitivity: bool = False,
    max_ap_drop: float | None = None,
    cache: Path | None = None,
    scale: tuple[int, int] | None = None,
    threads: int | None = None,
    out: Path | None = None,
    figures: Path | None = None,
) -> Calibrated:
    """Calibrate a loaded graph and write it in INT8; `gridrt.calibrate`, which loads it, describes the arguments."""
    check_range(1, max_images=max_images, threads=threads)
    check_range(0, max_ap_drop=max_ap_drop)
    if target not in TARGETS:
        raise GridRTError(f"the target must be one of {', '.join(TARGETS)}", place="`target`", value=target)
    if method not in METHODS:
        raise GridRTError(f"the range method must be one of {', '.join(METHODS)}", place="`method`", value=method)
    if max_ap_drop is not None and annotations is None:
        raise GridRTError("must come with annotations to measure AP on", place="`max_ap_drop`")
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    name = recipe.name if max_ap_drop is None else "mixed"
    out = out or default_name(graph.path, name, TARGETS[target])
    cache, recipe_file = cache or default_cache(graph.path), None if max_ap_drop is None else out.with_suffix(".toml")
    require_suffix(out, ".onnx", "an ONNX file")
    check_float_graph(graph)
    if not blocks_of(graph.model.graph, recipe):
        raise RecipeError(
            "the recipe must plan convolutions or matrix products in int8",
            place=recipe.place,
            remedy="Without INT8 there is nothing to calibrate: gridrt build-engine --recipe takes it as it is.",
        )
    if calibrate_annotations is None:
        files = images_in(images, max_images)
    else:
        files = listed_images(images, calibrate_annotations, max_images, allow_missing=allow_missing)
    dataset = None
    if annotations is not None:
        dataset = CocoDataset(images, annotations, allow_missing=allow_missing)
        warn_of_overlap(files, dataset)
    inputs = (graph.path, Path(recipe.place), annotations, calibrate_annotations)
    check_outputs((out, cache, recipe_file, figures), [*inputs, *files, *(() if dataset is None else dataset.paths)])

    if target == "cpu":
        warn_of_saturation()  # as its session would, but only behind the work
    session = observable_session(graph, threads)
    reference = Detector(session, scale)
    seen = observe(graph, session, files, reference.scale, cache)
    ranges, compared = ranges_of(seen.observers, METHODS[method]), spread(seen.images, COMPARED_IMAGES)
    evaluator = RecipeEvaluator(graph, reference, ranges, TARGETS[target], compared, dataset, threads)
    ranking, mixed = _measured(graph, recipe, evaluator, max_ap_drop, sensitivity=sensitivity)
    recipe = recipe if mixed is None else mixed.recipe
    fidelity, ap_after = evaluator.outcome(recipe)
    drop = evaluator.loss(recipe).ap_drop_interval
    count = len(seen.images)
    calibration = {"method": method, "images": count, "scale": list(reference.scale)}

    model = evaluator.apply(recipe)
    written = save_rewritten(model, out, recipe, TARGETS[target], graph.sha256, calibration)
    done = Calibrated(
        written, recipe, recipe_file, count, fidelity, evaluator.ap, ap_after, drop, ranking, mixed, calibration
    )
    if recipe_file is not None:
        write_text(recipe_file, recipe_text(recipe))
    if figures is not None:
        write_text(figures, json.dumps(done.to_json(), indent=2) + "\n")
    return done


def _measured(
    graph: Graph, recipe: Recipe, evaluator: RecipeEvaluator, max_ap_drop: float | None, *, sensitivity: bool
) -> tuple[list[BlockCost], Mixture | None]:
    """What each block costs, as far as that is asked for or needed, and the mixture for a budget."""
    nodes = graph.model.graph
    if max_ap_drop is None:
        return (costs(nodes, recipe, evaluator.loss) if sensitivity else []), None
    whole = evaluator.loss(recipe)
    is_needed = sensitivity or not within(whole, max_ap_drop)
    ranking = costs(nodes, recipe, evaluator.loss) if is_needed else []
    return ranking, mixture(nodes, recipe, whole, ranking, evaluator.loss, max_ap_drop)
