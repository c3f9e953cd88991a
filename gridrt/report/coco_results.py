"""Detections as COCO's results, with the ids of an annotation file or numbers of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from gridrt.data.annotation_file import read_annotations
from gridrt.data.image_files import readable
from gridrt.data.sources import is_video
from gridrt.errors import DataError, GridRTError
from gridrt.report.record_files import JsonList
from gridrt.report.records import Record
from gridrt.types import CocoId


@dataclass(frozen=True)
class CocoIds:
    """What images and classes are called in a file of results.

    Attributes:
        images: by the path of the image.
        categories: by label; None leaves the class out.
    """

    images: Mapping[Path, CocoId]
    categories: Sequence[CocoId | None]


def ids_in(annotations: Path, sources: Sequence[Path], class_names: Sequence[str]) -> CocoIds:
    """The ids of an annotation file: of images by their file names, of categories by the names of the classes.

    An image is the listed one whose name is the end of its path.

    Raises:
        DataError: the file is unsound, does not list an image, or has none of the classes.
    """
    content = read_annotations(annotations)
    by_name: dict[PurePath, CocoId] = {PurePath(readable(image.file_name)): image.id for image in content.images}
    images: dict[Path, CocoId] = {}
    for source in sources:
        endings = (PurePath(*source.parts[start:]) for start in range(len(source.parts)))
        listed = next((by_name[name] for name in endings if name in by_name), None)
        if listed is None:
            raise DataError("an image is missing in the annotation file", place=annotations, value=source)
        images[source] = listed
    id_of: dict[str, CocoId] = {category.name: category.id for category in content.categories}
    categories = [id_of.get(name) for name in class_names]
    if not any(category is not None for category in categories):
        value = f"{', '.join(id_of)} in the file, {', '.join(class_names)} in the model"
        raise DataError("the categories must be classes of the model", place=annotations, value=value)
    return CocoIds(images, categories)


def numbered(sources: Sequence[Path], class_names: Sequence[str]) -> CocoIds:
    """Images in their order and classes by their labels, both from 1."""
    return CocoIds({source: number for number, source in enumerate(sources, 1)}, range(1, len(class_names) + 1))


def check_are_images(sources: Sequence[Path]) -> None:
    """Refuse videos, whose frames COCO's results have no ids for.

    Raises:
        GridRTError: there is one.
    """
    if video := next(filter(is_video, sources), None):
        remedy = "List frames in JSON lines or Parquet."
        raise GridRTError("COCO's results must be of images: this is a video", place=video, remedy=remedy)


class CocoResults:
    """All detections as COCO's results; where images are numbered, also the list of images and categories.

    Args:
        target: the file of results.
        ids: of images and classes.
        class_names: in the order of the labels; None where an annotation file has the lists already. Otherwise
            `dataset_beside(target)` gets images and categories, as an annotation file without annotations, which
            importers of COCO want beside the results.
    """

    def __init__(self, target: Path, ids: CocoIds, class_names: Sequence[str] | None) -> None:
        self._ids, self._class_names = ids, class_names
        self._results = JsonList(target)
        self._images: JsonList | None = None
        if class_names is not None:
            categories = [
                {"id": number, "name": name} for number, name in zip(ids.categories, class_names, strict=True)
            ]
            around = ('{"annotations": [], "categories": ' + json.dumps(categories) + ', "images": ', "}")
            self._images = JsonList(dataset_beside(target), around)

    def append(self, record: Record) -> None:
        """Add the detections in an image."""
        number = self._ids.images[record.file]
        self._results.begin()
        for result in record.detections.to_coco(number, self._ids.categories):
            self._results.append(result)
        if self._images is not None:
            name = record.file.as_posix()
            self._images.append({"id": number, "file_name": name, "width": record.width, "height": record.height})

    def close(self) -> None:
        """Put the files in place."""
        self._results.close()
        if self._images is not None:
            self._images.close()


def dataset_beside(results: Path) -> Path:
    """Where the images and categories of a file of results are listed: `found.json` has `found.images.json`."""
    return results.with_name(f"{results.stem}.images{results.suffix}")
