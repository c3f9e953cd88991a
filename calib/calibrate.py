"""The whole way from a graph in FP32 and a folder of pictures to a graph in INT8, with what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx import ModelProto

from gridrt.calib.artefact import load_float_graph
from gridrt.calib.fidelity import Fidelity
from gridrt.calib.images import pictures_in, spread
from gridrt.calib.observe import observe
from gridrt.calib.recipe import Recipe, RecipeError
from gridrt.calib.sensitivity import BlockCost, Mixture, blocks_of, costs, mixture, within
from gridrt.calib.targets import Target
from gridrt.calib.thresholds import METHODS, ranges_of
from gridrt.calib.trial import Trial
from gridrt.config import DEFAULT_SCALE
from gridrt.data.coco import CocoDataset
from gridrt.files import sha256_of
from gridrt.graph.metadata import metadata_of, scale_in_input

TRIED_IMAGES = 8
"""In so many of the calibration images detections are compared."""


@dataclass(frozen=True)
class Request:
    """What to calibrate, and how.

    Attributes:
        graph: a file of `gridrt export`, in FP32.
        images: folder of pictures.
        recipe: with INT8 in it.
        target: the runtime to write for.
        method: one of `METHODS`.
        cache: file that keeps what was seen.
        max_images: of more pictures, so many are taken.
        annotations: of the pictures in `images`, as COCO's JSON; None leaves AP unmeasured.
        sensitivity: whether to measure each block alone.
        max_ap_drop: budget in points of 100, for which blocks are kept in FP16; None takes the recipe as it is.
        scale: most pixels on the long and on the short side of a resized image; None is what the model learned from.
        threads: CPU threads; None means every physical core.
    """

    graph: Path
    images: Path
    recipe: Recipe
    target: Target
    method: str
    cache: Path
    max_images: int
    annotations: Path | None = None
    sensitivity: bool = False
    max_ap_drop: float | None = None
    scale: tuple[int, int] | None = None
    threads: int | None = None


@dataclass(frozen=True)
class Calibrated:
    """A graph in INT8, and what it costs.

    Attributes:
        model: the graph.
        parent_sha256: of the file in FP32.
        recipe: that it was made by: the one asked for, or the mixture of it.
        images: how many pictures the ranges come from.
        fidelity: against the graph in FP32, in some of those pictures.
        ap: of the graph in FP32, in points of 100; None without annotations.
        ap_after: of `model`; what is FP16 in it is rounded as a GPU rounds.
        ranking: what each block costs alone, costliest first; empty where that was neither asked for nor needed.
        mixture: what was found for a budget.
        notes: how the ranges were found, ready for JSON.
    """

    model: ModelProto
    parent_sha256: str
    recipe: Recipe
    images: int
    fidelity: Fidelity
    ap: float | None
    ap_after: float | None
    ranking: list[BlockCost]
    mixture: Mixture | None
    notes: dict[str, Any]


def calibrate(request: Request) -> Calibrated:
    """Find ranges, measure what is asked for, and rewrite the graph.

    Raises:
        RecipeError: the recipe does not fit the graph, or plans nothing in INT8.
        GridRTError: the graph, the pictures, the annotations or the cache are not what they should be.
    """
    model, parent = load_float_graph(request.graph), sha256_of(request.graph)
    _require_int8(model, request.recipe)
    pictures = pictures_in(request.images, request.max_images)
    dataset = None if request.annotations is None else CocoDataset(request.images, request.annotations)
    scale = request.scale or scale_in_input(metadata_of(model), request.graph) or DEFAULT_SCALE
    observers = observe(request.graph, pictures, scale, request.cache, request.threads)
    ranges = ranges_of(observers, METHODS[request.method])
    trial = Trial(model, ranges, request.target, spread(pictures, TRIED_IMAGES), dataset, scale, request.threads)
    ranking, mixed = _measured(model, request, trial)
    recipe = request.recipe if mixed is None else mixed.recipe
    fidelity, ap_after = trial.outcome(recipe)
    notes = {"method": request.method, "images": len(pictures), "scale": list(scale)}
    rewritten = trial.apply(recipe)
    return Calibrated(rewritten, parent, recipe, len(pictures), fidelity, trial.ap, ap_after, ranking, mixed, notes)


def _require_int8(model: ModelProto, recipe: Recipe) -> None:
    if not blocks_of(model.graph, recipe):
        raise RecipeError(
            "a recipe to calibrate for plans convolutions or matrix products in int8",
            place=recipe.place,
            remedy="Without INT8 there is nothing to calibrate: gridrt build-engine --recipe takes it as it is.",
        )


def _measured(model: ModelProto, request: Request, trial: Trial) -> tuple[list[BlockCost], Mixture | None]:
    if not request.sensitivity and request.max_ap_drop is None:
        return [], None
    if request.max_ap_drop is None:
        return costs(model.graph, request.recipe, trial.measure), None
    whole = trial.measure(request.recipe)
    ranking = []
    if request.sensitivity or not within(whole, request.max_ap_drop):
        ranking = costs(model.graph, request.recipe, trial.measure)
    return ranking, mixture(model.graph, request.recipe, whole, ranking, trial.measure, request.max_ap_drop)
