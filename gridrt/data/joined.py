"""Several data sets as one to train on, such as training and validation images together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from gridrt.data.annotations import AnnotatedImage
from gridrt.data.coco import CocoDataset, Objects
from gridrt.errors import DataError
from gridrt.types import UInt8Array


class AnnotatedImages(Protocol):
    """What training needs of a data set; see `CocoDataset`."""

    @property
    def images(self) -> Sequence[AnnotatedImage]:
        """In the order of every index."""
        ...

    @property
    def paths(self) -> Sequence[Path]:
        """The image files."""
        ...

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the labels."""
        ...

    @property
    def place(self) -> str:
        """Where the annotations come from."""
        ...

    def __len__(self) -> int:
        """How many images there are."""
        ...

    def load_image(self, index: int) -> UInt8Array:
        """The image, uint8 [height, width, 3], RGB."""
        ...

    def objects(self, index: int) -> Objects:
        """The objects of an image to train on."""
        ...


class JoinedDataset:
    """The images of several data sets, one set after another.

    Args:
        parts: at least one, all of the same classes.

    Attributes:
        images: of all parts.
        paths: of their files.
        class_names: in the order of the labels.
        degenerate_boxes: of all parts.
        cut_boxes: of all parts.
        place: the annotation files.

    Raises:
        DataError: the classes of one differ from those of the first.
    """

    def __init__(self, parts: Sequence[CocoDataset]) -> None:
        self.class_names = parts[0].class_names
        for number, part in enumerate(parts[1:], 2):
            if part.class_names != self.class_names:
                raise DataError(
                    "data sets to train on together must have the same categories",
                    place=f"data set {number}",
                    value=f"{', '.join(part.class_names)}, others {', '.join(self.class_names)}",
                )
        self.images: Sequence[AnnotatedImage] = [image for part in parts for image in part.images]
        self.paths: Sequence[Path] = [path for part in parts for path in part.paths]
        self.degenerate_boxes = sum(part.degenerate_boxes for part in parts)
        self.cut_boxes = sum(part.cut_boxes for part in parts)
        self.place = ", ".join(part.place for part in parts)
        self._places = [(part, index) for part in parts for index in range(len(part))]

    def __len__(self) -> int:
        return len(self._places)

    def load_image(self, index: int) -> UInt8Array:
        """As `CocoDataset.load_image`."""
        part, within = self._places[index]
        return part.load_image(within)

    def objects(self, index: int) -> Objects:
        """As `CocoDataset.objects`."""
        part, within = self._places[index]
        return part.objects(within)
