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


def evaluation_of(
    dataset: CocoDataset, class_names: Sequence[str], detections: Mapping[Path, Detections]
) -> Evaluation:
    """Evaluate detections.

    Args:
        dataset: images that are not in `detections` do not count, nor do their objects.
        class_names: of the model, in the order of its labels.
        detections: by image file.

    Raises:
        DataError: the classes are not those of the data.
    """
    categories = categories_of_labels(class_names, dataset)
    files = [dataset.path(index) for index in range(len(dataset))]
    results = [
        result
        for file, image in zip(files, dataset.images, strict=True)
        if file in detections
        for result in detections[file].to_coco(image.id, categories)
    ]
    return Evaluation(dataset, results, {file: "not measured" for file in files if file not in detections})


def accuracy_of(evaluation: Evaluation) -> Accuracy:
    """The figures of an evaluation."""
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
