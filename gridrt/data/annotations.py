"""Annotated images: what a data set says about its images and the objects in them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from gridrt.types import CocoId

Box = tuple[float, float, float, float]

BORDER_TOLERANCE = 1  # pixels, by which boxes that were rounded, or that count from 1, exceed their image


@dataclass(frozen=True)
class Category:
    """A class of objects."""

    id: CocoId
    name: str


@dataclass(frozen=True)
class AnnotatedImage:
    """An image: its file name within the image folder, and its upright size in pixels."""

    id: CocoId
    file_name: str
    width: int
    height: int


@dataclass(frozen=True)
class Annotation:
    """An object in an image.

    Attributes:
        image_id: of the image.
        category_id: of the object's category.
        box: x, y, width, height in pixels.
        area: pixels; the area of the box where the file gives none.
        is_crowd: the box holds many objects; detections in it count neither for nor against a detector.
        is_ignored: marked to be left out of training.
    """

    image_id: CocoId
    category_id: CocoId
    box: Box
    area: float
    is_crowd: bool
    is_ignored: bool

    @property
    def is_degenerate(self) -> bool:
        """Too thin to train on: less than a pixel wide or high, or without area."""
        return self.box[2] < 1 or self.box[3] < 1 or self.area <= 0

    @property
    def is_trainable(self) -> bool:
        """One object to train on: not a crowd, not marked to be left out, and not degenerate."""
        return not (self.is_crowd or self.is_ignored or self.is_degenerate)

    def exceeds(self, image: AnnotatedImage) -> bool:
        """Whether the box lies outside its image by more than `BORDER_TOLERANCE` on any side."""
        x, y, width, height = self.box
        past = (-x, -y, x + width - image.width, y + height - image.height)
        return max(past) > BORDER_TOLERANCE

    def fault(self, image: AnnotatedImage) -> str | None:
        """Why the box cannot be that of an object in its image; None where it can."""
        x, y, width, height = self.box
        if not all(map(math.isfinite, self.box)):
            return "is not finite"
        if width < 0 or height < 0:
            return "has a negative width or height"
        if x >= image.width or y >= image.height or x + width <= 0 or y + height <= 0:
            return f"lies outside its image of {image.width} x {image.height} pixels"
        return None


def without_invalid_boxes(
    annotations: Sequence[Annotation], images: Sequence[AnnotatedImage], place: str
) -> list[Annotation]:
    """The annotations of these images whose boxes can be those of objects.

    The others are left out of everything, training and evaluation alike, with a warning that counts them.

    Args:
        annotations: all of a file, in its order.
        images: annotations of others are left out without a warning.
        place: the annotation file, for the warning.
    """
    image_of = {image.id: image for image in images}
    kept, faults = [], []
    for index, annotation in enumerate(annotations):
        image = image_of.get(annotation.image_id)
        if image is None:
            continue
        if fault := annotation.fault(image):
            faults.append(f"annotations[{index}], {list(annotation.box)}, {fault}")
        else:
            kept.append(annotation)
    if faults:
        count = f"{len(faults)} of {len(annotations)} boxes (x, y, width, height)"
        warnings.warn(f"{place}: left out {count}; the first, {faults[0]}", stacklevel=3)
    return kept
