"""COCO annotation files, checked once where they enter: an error names the first bad entry."""

from __future__ import annotations

import json
import reprlib
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gridrt.errors import DataError
from gridrt.files import check_is_file

Box = tuple[float, float, float, float]

BORDER_TOLERANCE = 1  # pixels, by which boxes that were rounded, or that count from 1, reach past their image

_BRIEF = reprlib.Repr()  # what a file holds in place of a number may be long, or nested too deep for repr
_BRIEF.maxstring = _BRIEF.maxother = 60


@dataclass(frozen=True)
class Category:
    """A kind of object."""

    id: int
    name: str


@dataclass(frozen=True)
class AnnotatedImage:
    """A picture, by its name within the folder of images, and its size in pixels."""

    id: int
    file_name: str
    width: int
    height: int


@dataclass(frozen=True)
class Annotation:
    """An object in a picture.

    Attributes:
        image_id: of the picture.
        category_id: of the object's kind.
        box: x, y, width, height in pixels.
        area: pixels; the box's where the file tells none.
        is_crowd: the box holds many objects; what is found in it counts neither for nor against a detector.
        is_ignored: marked to be left out of training.
    """

    image_id: int
    category_id: int
    box: Box
    area: float
    is_crowd: bool
    is_ignored: bool

    @property
    def is_degenerate(self) -> bool:
        """Too thin to learn from: less than a pixel wide or high, or without area."""
        return self.box[2] < 1 or self.box[3] < 1 or self.area <= 0

    @property
    def is_learned(self) -> bool:
        """One object to learn from: no crowd, not marked to be left out, and not degenerate."""
        return not (self.is_crowd or self.is_ignored or self.is_degenerate)

    def reaches_past(self, image: AnnotatedImage) -> bool:
        """Whether it lies outside its image by more than `BORDER_TOLERANCE` on any side."""
        x, y, width, height = self.box
        past = (-x, -y, x + width - image.width, y + height - image.height)
        return max(past) > BORDER_TOLERANCE


@dataclass(frozen=True)
class AnnotationFile:
    """What an annotation file holds; categories by ascending id, the rest in the file's order."""

    images: tuple[AnnotatedImage, ...]
    categories: tuple[Category, ...]
    annotations: tuple[Annotation, ...]


def read_annotations(path: str | Path) -> AnnotationFile:
    """Read a COCO annotation file of boxes.

    Raises:
        DataError: not such a file: no JSON, a missing or ill-typed key, an id or a name twice, an id that is unknown, a
            box that is not four finite numbers or lies wholly outside its image, or not one image, category or object.
    """
    path = Path(path)
    content = _json_object(path)
    images = {entry.unique_id: _image(entry) for entry in _entries(content, "images", path)}
    names = {entry.unique_id: entry.text("name") for entry in _entries(content, "categories", path)}
    _check_names_differ(names, path)
    annotations = [_annotation(entry, images, names) for entry in _entries(content, "annotations", path)]
    categories = [Category(number, names[number]) for number in sorted(names)]
    return AnnotationFile(tuple(images.values()), tuple(categories), tuple(annotations))


@dataclass
class _Entry:
    """One object of a list of the file, whose fields are asked for by name and kind."""

    fields: dict[str, Any]
    place: str
    unique_id: int = -1

    def error(self, rule: str, value: object = None) -> DataError:
        return DataError(rule, place=self.place, value=value)

    def field(self, key: str) -> Any:  # noqa: ANN401 - what JSON holds
        if key not in self.fields:
            raise self.error(f"the entry lacks {key!r}")
        return self.fields[key]

    def whole_number(self, key: str, default: int | None = None) -> int:
        value = self.field(key) if default is None else self.fields.get(key, default)
        if not isinstance(value, int):
            raise self.error(f"{key!r} must be a whole number", _BRIEF.repr(value))
        return int(value)

    def text(self, key: str) -> str:
        value = self.field(key)
        if not isinstance(value, str) or not value:
            raise self.error(f"{key!r} must be a text", _BRIEF.repr(value))
        return value


def _json_object(path: Path) -> dict[str, Any]:
    check_is_file(path, DataError)
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError("the annotation file cannot be read", place=path, value=error.strerror) from error
    except ValueError as error:  # of the JSON or of its encoding
        raise DataError("an annotation file must be JSON", place=path, value=error) from error
    except RecursionError as error:
        found = "lists or objects nested too deep"
        raise DataError("an annotation file must be JSON", place=path, value=found) from error
    if not isinstance(content, dict):
        raise DataError("an annotation file must be a JSON object", place=path, value=type(content).__name__)
    return content


def _entries(content: Mapping[str, Any], key: str, path: Path) -> Iterator[_Entry]:
    """The entries of a list, whose ids are whole numbers and differ.

    Raises:
        DataError: no such list, nothing in it, or a bad entry.
    """
    entries = content.get(key)
    if not isinstance(entries, list):
        raise DataError(f"an annotation file must have a list {key!r}", place=path, value=f"keys {', '.join(content)}")
    if not entries:
        raise DataError(f"a data set must have {key}", place=path, value="none")
    seen: dict[int, int] = {}
    for index, fields in enumerate(entries):
        if not isinstance(fields, dict):
            raise DataError(
                "an entry must be a JSON object", place=f"{path}: {key}[{index}]", value=_BRIEF.repr(fields)
            )
        entry = _Entry(fields, f"{path}: {key}[{index}]")
        entry.unique_id = entry.whole_number("id")
        if entry.unique_id in seen:
            raise entry.error(f"ids must differ, and {key}[{seen[entry.unique_id]}] has this one too", entry.unique_id)
        seen[entry.unique_id] = index
        yield entry


def _check_names_differ(names: Mapping[int, str], path: Path) -> None:
    for name, count in Counter(names.values()).items():
        if count > 1:
            raise DataError(
                "names of categories must differ", place=f"{path}: categories", value=f"{name!r} {count} times"
            )


def _image(entry: _Entry) -> AnnotatedImage:
    width, height = entry.whole_number("width"), entry.whole_number("height")
    if width < 1 or height < 1:
        raise entry.error("an image must have a positive width and height", f"{width} x {height}")
    return AnnotatedImage(entry.unique_id, entry.text("file_name"), width, height)


def _annotation(entry: _Entry, images: Mapping[int, AnnotatedImage], names: Mapping[int, str]) -> Annotation:
    image_id, category_id = entry.whole_number("image_id"), entry.whole_number("category_id")
    if image_id not in images:
        raise entry.error("no image has this 'image_id'", image_id)
    if category_id not in names:
        raise entry.error("no category has this 'category_id'", category_id)
    box = _box(entry)
    annotation = Annotation(
        image_id=image_id,
        category_id=category_id,
        box=box,
        area=_number(entry, "area", entry.fields.get("area", box[2] * box[3])),
        is_crowd=bool(entry.whole_number("iscrowd", 0)),
        is_ignored=bool(entry.whole_number("ignore", 0)),
    )
    if not annotation.is_degenerate and _is_outside(box, images[image_id]):
        size = f"{images[image_id].width} x {images[image_id].height}"
        raise entry.error("a box (x, y, width, height) must overlap its image", f"{list(box)} in {size} pixels")
    return annotation


def _box(entry: _Entry) -> Box:
    box = entry.field("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise entry.error("'bbox' must be four numbers: x, y, width, height", _BRIEF.repr(box))
    x, y, width, height = (_number(entry, "bbox", side) for side in box)
    return x, y, width, height


def _number(entry: _Entry, key: str, value: object) -> float:
    # A whole number of hundreds of digits is no float; compared, it need not become one.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= sys.float_info.max:
        raise entry.error(f"{key!r} must be finite", _BRIEF.repr(value))
    return float(value)


def _is_outside(box: Box, image: AnnotatedImage) -> bool:
    x, y, width, height = box
    return x >= image.width or y >= image.height or x + width <= 0 or y + height <= 0
