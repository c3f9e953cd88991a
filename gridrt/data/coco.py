"""Data sets in COCO's format, of any categories.

Shapes: G objects in an image.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO

from gridrt.data.annotation_file import read_annotations
from gridrt.data.annotations import AnnotatedImage, Annotation, without_invalid_boxes
from gridrt.data.image import load_image
from gridrt.data.image_files import find_images
from gridrt.errors import DataError
from gridrt.types import CocoId, Float32Array, UInt8Array


@dataclass(frozen=True)
class Objects:
    """The objects of an image to train on.

    Attributes:
        boxes: float32 [G, 4], xyxy in pixels of the image; may exceed it, as annotated.
        labels: int64 [G], index into the class names.
    """

    boxes: Float32Array
    labels: npt.NDArray[np.int64]


class CocoDataset:
    """Images in a folder and the boxes that an annotation file gives them.

    Labels count the categories by ascending id. Evaluation takes every annotation, training those that `objects`
    returns. Boxes that cannot be those of objects (not finite, of negative width or height, or outside their image)
    are left out of both, with a warning that counts them. See `find_images` for file names that lead nowhere.

    Args:
        images_dir: where the file names of the annotation file start.
        annotations_file: JSON of COCO's format.
        allow_missing: leave out images that are not there, with a warning, instead of refusing them.

    Attributes:
        images: in the file's order; the order of every index here.
        annotations: of these images.
        class_names: in the order of the labels.
        category_ids: the file's, in the order of the labels.
        place: the annotation file, for errors.
        sha256: of the annotation file, as it was read.

    Raises:
        DataError: a bad entry (see `read_annotations`), images that are missing, or not as large as annotated.
        ImageError: the header of an image without an annotated size cannot be read.
    """

    def __init__(self, images_dir: str | Path, annotations_file: str | Path, *, allow_missing: bool = False) -> None:
        content = read_annotations(annotations_file)
        self._folder = Path(images_dir)
        self.place, self.sha256 = str(annotations_file), content.sha256
        self.class_names = tuple(category.name for category in content.categories)
        self.category_ids = tuple(category.id for category in content.categories)
        self._label_of = {category_id: label for label, category_id in enumerate(self.category_ids)}
        self.images: Sequence[AnnotatedImage] = find_images(
            content.images, self._folder, self.place, allow_missing=allow_missing
        )
        self.annotations: Sequence[Annotation] = without_invalid_boxes(content.annotations, self.images, self.place)
        self._by_image = defaultdict[object, list[Annotation]](list)
        for annotation in self.annotations:
            self._by_image[annotation.image_id].append(annotation)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def degenerate_boxes(self) -> int:
        """How many boxes are thinner than a pixel or without area, and therefore left out of `objects`."""
        return sum(annotation.is_degenerate for annotation in self.annotations)

    @property
    def cut_boxes(self) -> int:
        """How many of `objects` exceed their image by more than a pixel; training cuts them at its border."""
        image_of = {image.id: image for image in self.images}
        return sum(one.is_trainable and one.exceeds(image_of[one.image_id]) for one in self.annotations)

    def first(self, count: int) -> CocoDataset:
        """The same with the first `count` images alone."""
        part = copy.copy(self)
        part.images = self.images[:count]
        kept = {image.id for image in part.images}
        part.annotations = [one for one in self.annotations if one.image_id in kept]
        return part

    @property
    def paths(self) -> list[Path]:
        """All image files."""
        return [self._folder / image.file_name for image in self.images]

    def path(self, index: int) -> Path:
        """The image file."""
        return self._folder / self.images[index].file_name

    def load_image(self, index: int, read: Callable[[Path], UInt8Array] = load_image) -> UInt8Array:
        """The image, uint8 [height, width, 3], RGB.

        Args:
            index: of the image.
            read: gives the pixels of an image file.

        Raises:
            ImageError: it cannot be read.
            DataError: it is not as large as annotated, which its header did not show.
        """
        pixels = read(self.path(index))
        image = self.images[index]
        if pixels.shape[:2] != (image.height, image.width):
            raise DataError(
                f"the image must be as large as annotated, {image.width} x {image.height} pixels",
                place=self.path(index),
                value=f"{pixels.shape[1]} x {pixels.shape[0]}",
            )
        return pixels

    def objects(self, index: int) -> Objects:
        """The objects of an image to train on: no crowds, none marked `ignore`, and no degenerate boxes."""
        of_image = self._by_image.get(self.images[index].id, ())
        kept = [one for one in of_image if one.is_trainable]
        boxes = np.array([one.box for one in kept], np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        labels = np.array([self._label_of[one.category_id] for one in kept], np.int64)
        return Objects(boxes.astype(np.float32), labels)

    def truth_ids(self) -> dict[CocoId, int]:
        """For each image id the number that `ground_truth` has for it: 0, 1, ... by ascending id, numbers before texts.

        COCOeval takes images in this order, and with it detections of equal scores.
        """
        ascending = sorted((image.id for image in self.images), key=lambda one: (isinstance(one, str), one))
        return {image_id: number for number, image_id in enumerate(ascending)}

    def ground_truth(self) -> COCO:
        """All annotations as pycocotools' index.

        Images are numbered as by `truth_ids`, and categories by their labels, for pycocotools mixes up ids of different
        types. Annotations are numbered from 1, for COCOeval takes one with id 0 for a missed one.
        """
        truth_ids = self.truth_ids()
        truth = COCO()
        truth.dataset = {
            "images": [
                {"id": truth_ids[image.id], "width": image.width, "height": image.height} for image in self.images
            ],
            "categories": [{"id": label, "name": name} for label, name in enumerate(self.class_names)],
            "annotations": [
                {
                    "id": number,
                    "image_id": truth_ids[one.image_id],
                    "category_id": self._label_of[one.category_id],
                    "bbox": list(one.box),
                    "area": one.area,
                    "iscrowd": int(one.is_crowd),
                }
                for number, one in enumerate(self.annotations, 1)
            ],
        }
        with silenced():
            truth.createIndex()
        return truth


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Hide what pycocotools prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
