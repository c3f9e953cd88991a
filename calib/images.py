"""Which images to calibrate with."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from gridrt.data.coco import CocoDataset
from gridrt.data.sources import expand, is_video
from gridrt.errors import DataError
from gridrt.formatting import format_count

T = TypeVar("T")


def images_in(folder: Path, at_most: int) -> list[Path]:
    """The images directly in a folder, by name; of more than `at_most`, so many, evenly spaced.

    Raises:
        DataError: there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise DataError("calibration images must be in a folder: this is not a folder", place=folder)
    images = [path for path in expand([str(folder)]) if not is_video(path)]
    if not images:
        raise DataError("the folder has no image to calibrate with", place=folder)
    return spread(images, at_most)


def listed_images(folder: Path, annotations: Path, at_most: int, *, allow_missing: bool = False) -> list[Path]:
    """The images that an annotation file lists, in its order; of more than `at_most`, so many, evenly spaced.

    Args:
        folder: where its file names start.
        annotations: COCO's JSON; its boxes have no effect.
        at_most: images.
        allow_missing: leave out images that are not there, with a warning.

    Raises:
        DataError: the file is unsound, lists no image, or images are missing.
    """
    dataset = CocoDataset(folder, annotations, allow_missing=allow_missing)
    if not len(dataset):
        raise DataError("the annotation file has no image to calibrate with", place=annotations)
    return spread([dataset.path(index) for index in range(len(dataset))], at_most)


def warn_of_overlap(images: Sequence[Path], dataset: CocoDataset) -> None:
    """Warn where AP is measured on images that ranges come from: it is then better than on others."""
    measured = {dataset.path(index).resolve() for index in range(len(dataset))}
    shared = [path for path in images if path.resolve() in measured]
    if shared:
        count = f"{len(shared)} of the {format_count(len(images), 'calibration image')}, first {shared[0]}"
        remedy = "It may be lower on other images: name those to calibrate on with `calibrate_annotations`"
        warnings.warn(f"{dataset.place}: AP is measured on {count}. {remedy}", stacklevel=2)


def spread(items: Sequence[T], at_most: int) -> list[T]:
    """At most so many of `items`, evenly spaced, the first among them."""
    count = min(len(items), at_most)
    return [items[index * len(items) // count] for index in range(count)]
