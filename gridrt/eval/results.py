"""Detections in a whole data set, in COCO's format of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from tqdm import tqdm

from gridrt import processes
from gridrt.data.coco import CocoDataset
from gridrt.detector import Detector
from gridrt.errors import DataError, NonFiniteError
from gridrt.types import CocoResult

Result: TypeAlias = CocoResult


def detect_all(
    detector: Detector, dataset: CocoDataset, on_error: Callable[[NonFiniteError], None] | None = None
) -> list[Result]:
    """Detect in every image, with a progress bar; by image in the data set's order, best score first.

    Under `torchrun` the processes share the images, and each returns the results of all.

    Args:
        detector: runs on one image at a time.
        dataset: the images.
        on_error: called with the error of an image for which the model's output is not finite, before the next image;
            that image has no results. None raises the error.

    Raises:
        DataError: the classes of the detector are not those of the data, or a picture is not as large as annotated.
        ImageError: a picture cannot be read.
        NonFiniteError: the model's output for an image is not finite, and there is no `on_error`.
    """
    category_ids = categories_of_labels(detector.class_names, dataset)
    of_images = []
    for index in tqdm(range(processes.rank(), len(dataset), processes.count()), unit="image", disable=_quiet()):
        image = dataset.load_image(index)
        try:
            found = detector([image])[0]
        except NonFiniteError as error:
            if on_error is None:
                raise error.at(dataset.path(index)) from error
            on_error(error.at(dataset.path(index)))
            continue
        of_images.append((index, found.to_coco(dataset.images[index].id, category_ids)))
    in_order = sorted(processes.gathered(of_images), key=lambda of_image: of_image[0])
    return [result for _, results in in_order for result in results]


def categories_of_labels(class_names: Sequence[str], dataset: CocoDataset) -> tuple[int, ...]:
    """For each label of a model the data set's category of that name.

    Where the model's classes have no names of their own (`class 0`, `class 1`, ...), the categories in order of their
    ids.

    Raises:
        DataError: not as many classes as categories, or not the same names.
    """
    if len(class_names) != len(dataset.class_names):
        raise DataError(
            "the model must have as many classes as the data has categories",
            place=dataset.place,
            value=f"{len(class_names)} classes, {len(dataset.class_names)} categories",
            remedy=f"List there exactly the model's classes, also those without boxes: {_first_of(class_names)}.",
        )
    if all(name == f"class {label}" for label, name in enumerate(class_names)):
        return dataset.category_ids
    id_of = dict(zip(dataset.class_names, dataset.category_ids, strict=True))
    unknown = [name for name in class_names if name not in id_of]
    if unknown:
        absent = [name for name in id_of if name not in class_names]
        raise DataError(
            "the classes of the model must be the categories of the data",
            place=dataset.place,
            value=f"{', '.join(unknown)} in the model, {', '.join(absent)} in the data",
            remedy="Rename the categories in the annotation file where they mean the same.",
        )
    return tuple(id_of[name] for name in class_names)


def _first_of(names: Sequence[str], limit: int = 10) -> str:
    return ", ".join([*names[:limit], *(["..."] if len(names) > limit else [])])


def _quiet() -> bool | None:
    """Whether the progress bar is off; None leaves it to whether anybody watches."""
    return True if processes.rank() > 0 else None
