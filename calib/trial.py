"""Try recipes on real images: how far what is found then differs, and what AP that costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from onnx import ModelProto

from gridrt.calib.affine import Range
from gridrt.calib.fidelity import Fidelity, detect_in, fidelity, opened
from gridrt.calib.recipe import Recipe, Rule
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.sensitivity import Loss
from gridrt.calib.targets import Target
from gridrt.data.coco import CocoDataset
from gridrt.data.image import load_image
from gridrt.detector import Detector
from gridrt.errors import DataError
from gridrt.eval import evaluate


class Trial:
    """A graph in FP32, and images on which recipes for it are tried.

    Args:
        model: the graph.
        ranges: of its activations.
        target: the runtime to write for.
        images: pictures to compare detections in.
        dataset: annotated images for the AP; None where there are none.
        scale: most pixels on the long and on the short side of a resized image; None is what the model learned from.
        threads: CPU threads; None means every physical core.

    Attributes:
        ap: of the graph in FP32 on `dataset`, in points of 100; None without one.

    Raises:
        DataError: `dataset` has no objects, or its categories are not the model's classes.
        ImageError: a picture cannot be read.
    """

    def __init__(
        self,
        model: ModelProto,
        ranges: Mapping[str, Range],
        target: Target,
        images: Sequence[Path],
        dataset: CocoDataset | None,
        scale: tuple[int, int] | None = None,
        threads: int | None = None,
    ) -> None:
        self._model, self._ranges, self._target, self._dataset = model, ranges, target, dataset
        self._images, self._scale, self._threads = [load_image(path) for path in images], scale, threads
        self._outcomes: dict[tuple[Rule, ...], tuple[Fidelity, float | None]] = {}
        with opened(model, scale, threads) as detector:
            self._reference = detect_in(detector, self._images)
            self.ap = self._ap(detector)

    def apply(self, recipe: Recipe) -> ModelProto:
        """The graph in a recipe's precisions."""
        return apply_recipe(self._model, recipe, self._target, self._ranges)

    def outcome(self, recipe: Recipe) -> tuple[Fidelity, float | None]:
        """How far the graph in a recipe's precisions differs in the images, and its AP in points of 100.

        Where it has FP16, that is rounded as a GPU rounds. Each recipe is run once.
        """
        if recipe.rules not in self._outcomes:
            with opened(self.apply(recipe), self._scale, self._threads) as detector:
                found = fidelity(self._reference, detect_in(detector, self._images))
                self._outcomes[recipe.rules] = found, self._ap(detector)
        return self._outcomes[recipe.rules]

    def measure(self, recipe: Recipe) -> Loss:
        """What a recipe costs."""
        found, ap = self.outcome(recipe)
        return Loss(found.disagreement, None if self.ap is None or ap is None else self.ap - ap)

    def _ap(self, detector: Detector) -> float | None:
        if self._dataset is None:
            return None
        ap = evaluate(detector, self._dataset).overall.ap
        if ap is None:
            raise DataError("average precision is measured on at least one object", place=self._dataset.place)
        return 100 * ap
