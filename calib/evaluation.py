"""Evaluate recipes on real images: how much the detections change, and how much AP that costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from onnx import ModelProto

from gridrt.calib.affine import Range
from gridrt.calib.fidelity import Fidelity, cpu_detector, detect_in, fidelity
from gridrt.calib.recipe import Recipe, Rule
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.sensitivity import Loss
from gridrt.calib.targets import Target
from gridrt.data.coco import CocoDataset
from gridrt.data.image import load_image
from gridrt.detector import Detector
from gridrt.errors import DataError
from gridrt.eval import evaluate
from gridrt.graph.graph import Graph


class RecipeEvaluator:
    """A graph in FP32, and images on which recipes for it are evaluated.

    Args:
        graph: in FP32.
        reference: a detector that runs it.
        ranges: of its activations.
        target: the runtime to write for.
        images: files to compare detections in.
        dataset: annotated images to measure AP on; None leaves AP unmeasured.
        threads: CPU threads; None means one for each physical core.

    Attributes:
        ap: of the graph in FP32 on `dataset`, in points of 100; None without a dataset.

    Raises:
        DataError: `dataset` has no objects, or its categories are not the model's classes.
        ImageError: an image cannot be read.
    """

    def __init__(
        self,
        graph: Graph,
        reference: Detector,
        ranges: Mapping[str, Range],
        target: Target,
        images: Sequence[Path],
        dataset: CocoDataset | None = None,
        threads: int | None = None,
    ) -> None:
        self._graph, self._ranges, self._target, self._dataset = graph, ranges, target, dataset
        self._scale, self._threads = reference.scale, threads
        self._images = [load_image(path) for path in images]
        self._outcomes: dict[tuple[Rule, ...], tuple[Fidelity, float | None]] = {}
        self._reference = detect_in(reference, self._images)
        self.ap = self._ap(reference)

    def apply(self, recipe: Recipe) -> ModelProto:
        """The graph in a recipe's precisions, for the target."""
        return apply_recipe(self._graph.model, recipe, self._target, self._ranges)

    def outcome(self, recipe: Recipe) -> tuple[Fidelity, float | None]:
        """How the detections of the rewritten graph differ from the reference's, and its AP in points of 100.

        FP16 is rounded as on a GPU. Each recipe runs once.
        """
        if recipe.rules not in self._outcomes:
            detector = cpu_detector(Graph(self.apply(recipe), self._graph.path), self._scale, self._threads)
            found = fidelity(self._reference, detect_in(detector, self._images))
            self._outcomes[recipe.rules] = found, self._ap(detector)
        return self._outcomes[recipe.rules]

    def loss(self, recipe: Recipe) -> Loss:
        """What a recipe costs."""
        found, ap = self.outcome(recipe)
        return Loss(found.disagreement, None if self.ap is None or ap is None else self.ap - ap)

    def _ap(self, detector: Detector) -> float | None:
        if self._dataset is None:
            return None
        ap = evaluate(detector, self._dataset).overall.ap
        if ap is None:
            raise DataError("the annotations must have at least one object to measure AP", place=self._dataset.place)
        return 100 * ap
