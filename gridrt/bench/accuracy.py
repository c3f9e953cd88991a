"""Average precision of what an artefact found, in the form of the bench's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from gridrt.bench.result import FIGURES, Accuracy
from gridrt.data.coco import CocoDataset
from gridrt.eval import Evaluation
from gridrt.eval.results import categories_of_labels
from gridrt.types import Detections

IOUS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
CURVES = (0.5, 0.75, 0.9)
"""IoUs whose curves of precision over recall are kept."""


def accuracy_of(dataset: CocoDataset, class_names: Sequence[str], found: Mapping[Path, Detections]) -> Accuracy:
    """Measure what was found.

    Args:
        dataset: its pictures are those of `found`.
        class_names: of the artefact, in the order of its labels.
        found: by picture.

    Raises:
        DataError: the classes are not those of the data.
    """
    categories = categories_of_labels(class_names, dataset)
    results = [
        result
        for index, image in enumerate(dataset.images)
        for result in found[dataset.path(index)].to_coco(image.id, categories)
    ]
    evaluation = Evaluation(dataset, results)
    metrics = evaluation.metrics()
    return Accuracy(
        images=metrics.images,
        overall=asdict(metrics.overall),
        per_class={name: asdict(one) for name, one in metrics.per_class.items()},
        by_iou={f"{iou:.2f}": evaluation.average_precision(iou) for iou in IOUS},
        precision_recall={f"{iou:.2f}": evaluation.mean_precision(iou).tolist() for iou in CURVES},
    )


def deltas(accuracy: Accuracy, reference: Accuracy) -> dict[str, float | None]:
    """The figures less the reference's; None where one of the two could not be measured."""
    return {name: _difference(accuracy.overall[name], reference.overall[name]) for name in FIGURES}


def _difference(figure: float | None, reference: float | None) -> float | None:
    return None if figure is None or reference is None else figure - reference
