"""Data sets in COCO's format, of any categories.

Shapes: G objects in an image.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO

from gridrt.data.annotations import AnnotatedImage, Annotation, read_annotations
from gridrt.data.image import load_image
from gridrt.errors import DataError
from gridrt.types import Float32Array, UInt8Array


@dataclass(frozen=True)
class Objects:
    """What there is to learn from an image.

    Attributes:
        boxes: float32 [G, 4], xyxy in pixels of the image; may reach past its border, as annotated.
        labels: int64 [G], index into the class names.
    """

    boxes: Float32Array
    labels: npt.NDArray[np.int64]


class CocoDataset:
    """Pictures in a folder and the boxes that an annotation file gives them.

    Labels count the categories by ascending id. Evaluation takes every annotation, training those that `objects`
    returns.

    Args:
        images_dir: where the file names of the annotation file start.
        annotations_file: JSON of COCO's format.

    Attributes:
        images: in the file's order; the order of every index here.
        annotations: of these images.
        class_names: in the order of the labels.
        category_ids: the file's, in the order of the labels.
        degenerate_boxes: how many are thinner than a pixel or without area, and therefore left out of `objects`.
        cut_boxes: how many of `objects` reach more than a pixel past their image, at whose border training cuts them.
        place: the annotation file, for errors.

    Raises:
        DataError: a bad entry (see `read_annotations`), or pictures that are not there.
    """

    def __init__(self, images_dir: str | Path, annotations_file: str | Path) -> None:
        content = read_annotations(annotations_file)
        self._folder = Path(images_dir)
        self.annotations: Sequence[Annotation] = content.annotations
        self._by_image = defaultdict[int, list[Annotation]](list)
        for annotation in content.annotations:
            self._by_image[annotation.image_id].append(annotation)
        self.images: Sequence[AnnotatedImage] = content.images
        self.class_names = tuple(category.name for category in content.categories)
        self.category_ids = tuple(category.id for category in content.categories)
        self.degenerate_boxes = sum(annotation.is_degenerate for annotation in content.annotations)
        self.cut_boxes = self._count_cut_boxes()
        self.place = str(annotations_file)
        self._label_of = {category_id: label for label, category_id in enumerate(self.category_ids)}
        self._check_pictures_are_there()

    def __len__(self) -> int:
        return len(self.images)

    def first(self, count: int) -> CocoDataset:
        """The same with the first `count` images alone."""
        part = copy.copy(self)
        part.images = self.images[:count]
        kept = {image.id for image in part.images}
        part.annotations = [one for one in self.annotations if one.image_id in kept]
        part.degenerate_boxes = sum(one.is_degenerate for one in part.annotations)
        part.cut_boxes = part._count_cut_boxes()  # noqa: SLF001 - its own class
        return part

    def path(self, index: int) -> Path:
        """Where the picture lies."""
        return self._folder / self.images[index].file_name

    def load_image(self, index: int) -> UInt8Array:
        """The picture, uint8 [height, width, 3], RGB.

        Raises:
            ImageError: it cannot be read.
            DataError: its size is not the annotated one.
        """
        pixels = load_image(self.path(index))
        annotated = self.images[index]
        if pixels.shape[:2] != (annotated.height, annotated.width):
            raise DataError(
                f"the picture must be as large as annotated, {annotated.width} x {annotated.height} pixels",
                place=self.path(index),
                value=f"{pixels.shape[1]} x {pixels.shape[0]}",
            )
        return pixels

    def objects(self, index: int) -> Objects:
        """What there is to learn from an image: not crowds, not what is marked `ignore`, not degenerate boxes."""
        of_image = self._by_image.get(self.images[index].id, ())
        kept = [one for one in of_image if one.is_learned]
        boxes = np.array([one.box for one in kept], np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        labels = np.array([self._label_of[one.category_id] for one in kept], np.int64)
        return Objects(boxes.astype(np.float32), labels)

    def ground_truth(self) -> COCO:
        """All annotations as pycocotools' index.

        They are numbered from 1: COCOeval takes an annotation with id 0 for a missed one.
        """
        index = COCO()
        index.dataset = {
            "images": [{"id": image.id, "width": image.width, "height": image.height} for image in self.images],
            "categories": [
                {"id": number, "name": name} for number, name in zip(self.category_ids, self.class_names, strict=True)
            ],
            "annotations": [_coco_entry(number, one) for number, one in enumerate(self.annotations, 1)],
        }
        with silenced():
            index.createIndex()
        return index

    def _count_cut_boxes(self) -> int:
        image_of = {image.id: image for image in self.images}
        return sum(one.is_learned and one.reaches_past(image_of[one.image_id]) for one in self.annotations)

    def _check_pictures_are_there(self) -> None:
        missing = [image.file_name for index, image in enumerate(self.images) if not self._is_there(index)]
        if missing:
            raise DataError(
                f"every picture that {self.place} names must be in the folder of images",
                place=self._folder,
                value=f"{len(missing)} of {len(self.images)} missing, first {missing[0]}",
                remedy="Give the folder that these names start from.",
            )

    def _is_there(self, index: int) -> bool:
        try:
            return self.path(index).is_file()
        except OSError as error:  # a name too long, or a folder that is not to be looked into
            place = f"{self.place}: images[{index}]"
            raise DataError("the picture cannot be looked for", place=place, value=error.strerror) from error


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """What pycocotools prints as it goes is not shown."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def _coco_entry(number: int, annotation: Annotation) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": annotation.image_id,
        "category_id": annotation.category_id,
        "bbox": list(annotation.box),
        "area": annotation.area,
        "iscrowd": int(annotation.is_crowd),
    }
