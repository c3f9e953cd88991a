"""The images that accuracy is measured on, on a GPU: photographs where they are, else synthetic ones.

`find_set` imports no pycocotools: it gives folders.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.gpu_preflight import photographs

if TYPE_CHECKING:
    from benchmarks.gpu_report import Report
    from benchmarks.training_sets import TrainingSet
    from gridrt.data.coco import CocoDataset

SYNTHETIC = 64
"""Images to train and to evaluate on, each, if there are no photographs."""


def find_set(folder: Path) -> tuple[str, Path, str]:
    """Name and folder of the set, and why it is this one; a synthetic set is written to `folder`."""
    if (root := photographs(os.environ)) is not None:
        return "bccd", root, "photographs"
    from gridrt.data.synthetic import write_synthetic

    synthetic = folder / "synthetic"
    write_synthetic(synthetic, train_images=SYNTHETIC, val_images=SYNTHETIC)
    return "synthetic", synthetic, "no photographs in bccd/ of the folder that GRIDRT_DATA names"


def reported_set(folder: Path, report: Report) -> tuple[TrainingSet, Path, Path, CocoDataset]:
    """The set that `find_set` finds, its folder, the weights trained for it, and its images to evaluate on.

    The report names set and weights.
    """
    from benchmarks.training_sets import SETS
    from gridrt.data.coco import CocoDataset
    from gridrt.files import sha256_of
    from gridrt.model.zoo import locate

    name, root, why = find_set(folder)
    data, weights = SETS[name], locate(f"tiny_{name}")
    dataset = CocoDataset(root / data.val_images, root / data.val_annotations)
    report.add("images", f"{len(dataset)} of {name} ({why})", weights=weights.name, weights_sha256=sha256_of(weights))
    return data, root, weights, dataset
