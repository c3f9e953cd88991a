"""COCO annotation files as tools write them, checked once where they enter: an error names the first bad entry."""

from __future__ import annotations

import math
import reprlib
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gridrt.classes import normalized_name
from gridrt.data.annotations import Annotation, Category
from gridrt.errors import DataError
from gridrt.json_files import read_json_object
from gridrt.limits import MOST_ANNOTATED_SIDE
from gridrt.types import CocoId

_BRIEF = reprlib.Repr()  # what a file holds in place of a number may be long, or nested too deep for repr
_BRIEF.maxstring = _BRIEF.maxother = 60
_FORM = "It must be COCO's: an object of the lists images, annotations and categories; results are another file."


@dataclass(frozen=True)
class ListedImage:
    """An image as the file lists it.

    Attributes:
        id: as in the file.
        file_name: as in the file; whether and where such a file lies is another question.
        size: width and height in pixels; None where the file does not give both.
        place: of the entry, for errors.
    """

    id: CocoId
    file_name: str
    size: tuple[int, int] | None
    place: str


@dataclass(frozen=True)
class AnnotationFile:
    """The content of an annotation file; categories by ascending id, the rest in the file's order.

    Attributes:
        images: as listed.
        categories: of the objects.
        annotations: the objects.
        sha256: of the bytes that this was read from, in hexadecimal.
    """

    images: tuple[ListedImage, ...]
    categories: tuple[Category, ...]
    annotations: tuple[Annotation, ...]
    sha256: str


def read_annotations(path: str | Path) -> AnnotationFile:
    """Read a COCO annotation file of boxes.

    Ids are whole numbers (1.0 is one) or texts. A category without objects that is the parent of all others, as
    Roboflow writes one, is left out with a warning.

    Raises:
        DataError: not such a file: no JSON, a missing or ill-typed key, an id or a name twice, an unknown id, a box
            that is not four numbers, or not one image or category.
    """
    path = Path(path)
    content, sha256 = read_json_object(path, DataError, "an annotation file", _FORM)
    images = tuple(_image(entry) for entry in _entries(content, "images", path))
    categories = {entry.unique_id: entry for entry in _entries(content, "categories", path)}
    image_ids = {image.id for image in images}
    annotations = tuple(
        _annotation(entry, image_ids, categories) for entry in _entries(content, "annotations", path, may_be_empty=True)
    )
    kept = _without_root(categories, {annotation.category_id for annotation in annotations}, path)
    return AnnotationFile(images, kept, annotations, sha256)


@dataclass
class _Entry:
    """One object of a list of the file, whose fields are asked for by name and type."""

    fields: dict[str, Any]
    place: str
    unique_id: CocoId = -1

    def field(self, key: str) -> Any:  # noqa: ANN401 - what JSON holds
        if key not in self.fields:
            raise DataError(f"the entry has no {key!r}", place=self.place)
        return self.fields[key]

    def id(self, key: str) -> CocoId:
        value = self.field(key)
        if (isinstance(value, str) and value) or _is_whole(value):
            identifier: CocoId = value
            return identifier
        raise DataError(f"{key!r} must be a whole number or a text", place=self.place, value=_BRIEF.repr(value))

    def whole_number(self, key: str) -> int | None:
        """None where the key is missing or null, as pandas writes a missing number."""
        value = self.fields.get(key)
        if value is None or isinstance(value, bool) or _is_whole(value):
            return value if value is None else int(value)
        raise DataError(f"{key!r} must be a whole number", place=self.place, value=_BRIEF.repr(value))

    def number(self, key: str, value: object) -> float:
        """NaN where there is null, infinity for a whole number of hundreds of digits, which is no float."""
        if value is None:
            return math.nan
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise DataError(f"{key!r} must be a number", place=self.place, value=_BRIEF.repr(value))
        try:
            return float(value)
        except OverflowError:
            return math.inf

    def text(self, key: str) -> str:
        value = self.field(key)
        if not isinstance(value, str) or not value:
            raise DataError(f"{key!r} must be a text", place=self.place, value=_BRIEF.repr(value))
        return value


def _is_whole(value: object) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _entries(content: Mapping[str, Any], key: str, path: Path, *, may_be_empty: bool = False) -> Iterator[_Entry]:
    """The entries of a list, whose ids differ.

    Raises:
        DataError: no such list, nothing in it, or a bad entry.
    """
    entries = content.get(key)
    if not isinstance(entries, list):
        raise DataError(f"an annotation file must have a list {key!r}", place=path, value=f"keys {', '.join(content)}")
    if not entries and not may_be_empty:
        raise DataError(f"a data set must have {key}", place=path, value="none")
    seen: dict[CocoId, int] = {}
    for index, fields in enumerate(entries):
        place = f"{path}: {key}[{index}]"
        if not isinstance(fields, dict):
            raise DataError("an entry must be a JSON object", place=place, value=_BRIEF.repr(fields))
        entry = _Entry(fields, place)
        entry.unique_id = entry.id("id")
        if entry.unique_id in seen:
            raise DataError(
                f"ids must differ, and {key}[{seen[entry.unique_id]}] has this one too",
                place=entry.place,
                value=entry.unique_id,
            )
        seen[entry.unique_id] = index
        yield entry


def _image(entry: _Entry) -> ListedImage:
    width, height = entry.whole_number("width"), entry.whole_number("height")
    size = None if width is None or height is None else (width, height)
    if size is not None and not 1 <= min(size) <= max(size) <= MOST_ANNOTATED_SIDE:
        raise DataError(
            f"an image must have a positive width and height of at most {MOST_ANNOTATED_SIDE} pixels",
            place=entry.place,
            value=f"{_BRIEF.repr(width)} x {_BRIEF.repr(height)}",
        )
    if "file_name" not in entry.fields and "coco_url" in entry.fields:  # LVIS, where it ends in train2017/NAME
        file_name = urlsplit(entry.text("coco_url")).path.lstrip("/")
    else:
        file_name = entry.text("file_name")
    return ListedImage(entry.unique_id, file_name, size, entry.place)


def _annotation(entry: _Entry, images: Collection[CocoId], categories: Collection[CocoId]) -> Annotation:
    image_id, category_id = entry.id("image_id"), entry.id("category_id")
    for key, found, known in (("image_id", image_id, images), ("category_id", category_id, categories)):
        if found not in known:
            kind = key.removesuffix("_id")
            raise DataError(
                f"{key!r} must be the id of a listed {kind}",
                place=entry.place,
                value=_BRIEF.repr(found),
                remedy=f"Add the {kind} to the file, or remove the annotation.",
            )
    sides = entry.field("bbox")
    if not isinstance(sides, list) or len(sides) != 4:
        raise DataError("'bbox' must be four numbers: x, y, width, height", place=entry.place, value=_BRIEF.repr(sides))
    x, y, width, height = (entry.number("bbox", side) for side in sides)
    area = entry.number("area", entry.fields.get("area"))
    return Annotation(
        image_id=image_id,
        category_id=category_id,
        box=(x, y, width, height),
        area=area if math.isfinite(area) else width * height,
        is_crowd=bool(entry.whole_number("iscrowd")),
        is_ignored=bool(entry.whole_number("ignore")),
    )


def _without_root(categories: Mapping[CocoId, _Entry], used: Collection[CocoId], path: Path) -> tuple[Category, ...]:
    """All but a category without objects that is the parent of all others and has none itself; names differ."""
    ascending = sorted(categories, key=lambda number: (isinstance(number, str), number))  # numbers before texts
    kept = [Category(number, normalized_name(categories[number].text("name"))) for number in ascending]
    parents = {number: entry.fields.get("supercategory") for number, entry in categories.items()}
    for one in kept:
        others = [parents[other.id] for other in kept if other is not one]
        if one.id not in used and parents[one.id] in (None, "none") and set(others) == {one.name}:
            kept.remove(one)
            warnings.warn(
                f"{path}: category {one.name!r} is left out: it has no objects and is the parent of all others",
                stacklevel=4,
            )
            break
    for name, count in Counter(one.name for one in kept).items():
        if count > 1:
            place, value = f"{path}: categories", f"{name!r} {count} times"
            raise DataError("names of categories must differ", place=place, value=value)
    return tuple(kept)
