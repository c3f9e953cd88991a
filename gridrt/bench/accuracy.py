"""Average precision of a candidate's detections, as in the JSON of a bench."""

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
"""IoUs whose precision-recall curves are kept."""


def accuracy_of(dataset: CocoDataset, class_names: Sequence[str], detections: Mapping[Path, Detections]) -> Accuracy:
    """Evaluate detections.

    Args:
        dataset: its images are those of `detections`.
        class_names: of the model, in the order of its labels.
        detections: by image file.

    Raises:
        DataError: the classes are not those of the data.
    """
    categories = categories_of_labels(class_names, dataset)
    results = [
        result
        for index, image in enumerate(dataset.images)
        for result in detections[dataset.path(index)].to_coco(image.id, categories)
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
    """The figures minus the reference's; None where one of the two could not be measured."""
    pairs = {name: (accuracy.overall[name], reference.overall[name]) for name in FIGURES}
    return {name: None if mine is None or theirs is None else mine - theirs for name, (mine, theirs) in pairs.items()}
