"""The data sets of the small detectors, and their schedules."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gridrt.data.synthetic import write_synthetic

THREADS = 1


@dataclass(frozen=True)
class TrainingSet:
    """A data set, and how to train on it.

    Attributes:
        train_images: folder, below that of the set.
        train_annotations: files, below that of the set.
        val_images: likewise.
        val_annotations: likewise.
        scale: most pixels on the long and on the short side of a resized image.
        epochs: of training.
        eval_every: epochs from one evaluation to the next.
        origin: what it is and under which licence, for the card.
        find: gives the folder of the set, which may be written to the given folder.
    """

    train_images: str
    train_annotations: tuple[str, ...]
    val_images: str
    val_annotations: str
    scale: tuple[int, int]
    epochs: int
    eval_every: int
    origin: str
    find: Callable[[Path], Path]

    def train_arguments(self, model: str, folder: Path, out: Path) -> list[str]:
        """Arguments of `gridrt train`, for the set in `folder`."""
        data = ["--images", f"{folder / self.train_images}"]
        data += [word for file in self.train_annotations for word in ("--annotations", f"{folder / file}")]
        data += ["--val-images", f"{folder / self.val_images}", "--val-annotations", f"{folder / self.val_annotations}"]
        how = ["--model", model, "--schedule", "short", "--scale", *map(str, self.scale), "--epochs", str(self.epochs)]
        how += ["--eval-every", str(self.eval_every), "--threads", str(THREADS), "--seed", "0", "--save-every", "100"]
        return ["train", *data, *how, "--out", f"{out}"]

    def evaluate_arguments(self, weights: Path, folder: Path) -> list[str]:
        """Arguments of `gridrt evaluate`, likewise."""
        data = ["--images", f"{folder / self.val_images}", "--annotations", f"{folder / self.val_annotations}"]
        return ["evaluate", "--model", f"{weights}", *data]


def _synthetic_set(out: Path) -> Path:
    """The folder of the synthetic set, which is written on the first call."""
    folder = out / "synthetic"
    if not (folder / "instances_val.json").exists():  # which is written last
        write_synthetic(folder)
    return folder


SETS: Mapping[str, TrainingSet] = {
    "bccd": TrainingSet(
        train_images="images",
        train_annotations=("annotations/instances_train.json", "annotations/instances_val.json"),
        val_images="images",
        val_annotations="annotations/instances_test.json",
        scale=(480, 360),
        epochs=20,
        eval_every=5,
        origin="BCCD, photographs of blood smears with red cells, white cells and platelets (MIT licence): trained on "
        "its training and validation images, evaluated on its test images. Those chose the number of epochs (a first "
        "run of 40 ended at AP 0.562, and had 0.585 after 20 of them), and nothing else",
        find=lambda _: Path(os.environ.get("GRIDRT_DATA", "../shared/data")) / "bccd",
    ),
    "synthetic": TrainingSet(
        train_images="train",
        train_annotations=("instances_train.json",),
        val_images="val",
        val_annotations="instances_val.json",
        scale=(320, 256),
        epochs=12,
        eval_every=4,
        origin="synthetic images of gridrt.data.synthetic with seed 0 (no licence needed): trained on 800, evaluated "
        "on 200 others, which chose nothing",
        find=_synthetic_set,
    ),
}
