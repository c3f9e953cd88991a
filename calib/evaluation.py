"""Evaluate recipes on real images: how much the detections change, and how much AP that costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
from gridrt.eval import Evaluation, detect_all
from gridrt.eval.bootstrap import delta_intervals, resample_weights, resampled_precision
from gridrt.graph.graph import Graph
from gridrt.types import Float64Array


@dataclass(frozen=True)
class _Precision:
    """Average precision of a graph: in points of 100, and in 0..1 on resampled images, float64 [T, B]."""

    ap: float
    resampled: Float64Array


class RecipeEvaluator:
    """A graph in FP32, and images on which recipes for it are evaluated.

    Args:
        graph: in FP32.
        reference: a detector that runs it.
        ranges: of its activations.
        target: the runtime to write for.
        images: files to compare detections in.
        dataset: annotated images to measure AP on; None leaves AP unmeasured.
        threads: CPU threads; None means as many as the process may use.

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
        self._outcomes: dict[tuple[Rule, ...], tuple[Fidelity, _Precision | None]] = {}
        self._reference = detect_in(reference, self._images)
        self._failed: Mapping[Path, str] | None = None
        self._precision = self._measure(reference)
        self.ap = None if self._precision is None else self._precision.ap

    def apply(self, recipe: Recipe) -> ModelProto:
        """The graph in a recipe's precisions, for the target."""
        return apply_recipe(self._graph.model, recipe, self._target, self._ranges)

    def outcome(self, recipe: Recipe) -> tuple[Fidelity, float | None]:
        """How the detections of the rewritten graph differ from the reference's, and its AP in points of 100.

        FP16 is rounded as on a GPU. Each recipe runs once.
        """
        found, precision = self._outcome(recipe)
        return found, None if precision is None else precision.ap

    def loss(self, recipe: Recipe) -> Loss:
        """What a recipe costs."""
        found, precision = self._outcome(recipe)
        if precision is None or self._precision is None:
            return Loss(found.disagreement, None)
        low, high = delta_intervals(precision.resampled, self._precision.resampled)["ap"]
        return Loss(found.disagreement, self._precision.ap - precision.ap, (-100 * high, -100 * low))

    def _outcome(self, recipe: Recipe) -> tuple[Fidelity, _Precision | None]:
        if recipe.rules not in self._outcomes:
            detector = cpu_detector(Graph(self.apply(recipe), self._graph.path), self._scale, self._threads)
            found = fidelity(self._reference, detect_in(detector, self._images))
            self._outcomes[recipe.rules] = found, self._measure(detector)
        return self._outcomes[recipe.rules]

    def _measure(self, detector: Detector) -> _Precision | None:
        """Measure AP on the images that the reference could be measured on; None without a dataset."""
        if self._dataset is None:
            return None
        found = detect_all(detector, self._dataset)
        if self._failed is None:
            self._failed = found.failed
        # An image that fails only in this recipe counts, with nothing detected.
        evaluation = Evaluation(self._dataset, found.results, self._failed)
        ap = evaluation.metrics().overall.ap
        if ap is None:
            raise DataError("the annotations must have at least one object to measure AP", place=self._dataset.place)
        weights = resample_weights(len(self._dataset) - len(self._failed))
        return _Precision(100 * ap, resampled_precision(evaluation.matches(), weights))
