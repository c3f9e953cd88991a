from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gridrt.data.annotations import Category, read_annotations
from gridrt.errors import DataError
from tests.datasets import small


def written(folder: Path, content: object) -> Path:
    path = folder / "boxes.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def with_(content: dict[str, Any], place: str, **fields: object) -> dict[str, Any]:
    """`content` with the fields of one entry, such as "images[1]", replaced; ... removes one."""
    key, index = place.rstrip("]").split("[")
    for name, value in fields.items():
        if value is ...:
            del content[key][int(index)][name]
        else:
            content[key][int(index)][name] = value
    return content


BAD_ENTRIES = [
    ("images[1]", {"id": ...}, "the entry lacks 'id'"),
    ("images[1]", {"id": "b"}, "'id' must be a whole number (found 'b')"),
    ("images[1]", {"id": 7}, "ids must differ, and images[0] has this one too (found 7)"),
    ("images[0]", {"file_name": ...}, "the entry lacks 'file_name'"),
    ("images[0]", {"file_name": 5}, "'file_name' must be a text (found 5)"),
    ("images[0]", {"width": ...}, "the entry lacks 'width'"),
    ("images[0]", {"height": 0}, "an image must have a positive width and height (found 64 x 0)"),
    ("categories[0]", {"name": ...}, "the entry lacks 'name'"),
    ("categories[1]", {"id": 9}, "ids must differ, and categories[0] has this one too (found 9)"),
    ("annotations[2]", {"id": ...}, "the entry lacks 'id'"),
    ("annotations[2]", {"id": 0}, "ids must differ, and annotations[0] has this one too (found 0)"),
    ("annotations[1]", {"image_id": ...}, "the entry lacks 'image_id'"),
    ("annotations[1]", {"image_id": 8}, "no image has this 'image_id' (found 8)"),
    ("annotations[1]", {"category_id": 5}, "no category has this 'category_id' (found 5)"),
    ("annotations[0]", {"bbox": ...}, "the entry lacks 'bbox'"),
    ("annotations[0]", {"bbox": [1, 2, 3]}, "'bbox' must be four numbers: x, y, width, height (found [1, 2, 3])"),
    ("annotations[0]", {"bbox": "1 2 3 4"}, "'bbox' must be four numbers: x, y, width, height (found '1 2 3 4')"),
    ("annotations[0]", {"bbox": [1, 2, 3, float("nan")]}, "'bbox' must be finite (found nan)"),
    ("annotations[0]", {"bbox": [1, 2, float("inf"), 4]}, "'bbox' must be finite (found inf)"),
    ("annotations[0]", {"bbox": [1, 2, None, 4]}, "'bbox' must be finite (found None)"),
    ("annotations[0]", {"area": "big"}, "'area' must be finite (found 'big')"),
    ("annotations[0]", {"bbox": [1, 2, 10**399, 4]}, f"'bbox' must be finite (found 1{'0' * 17}...{'0' * 19})"),
    ("annotations[0]", {"area": -(10**399)}, f"'area' must be finite (found -1{'0' * 16}...{'0' * 19})"),
    (
        "annotations[0]",
        {"bbox": "b" * 5000},
        f"'bbox' must be four numbers: x, y, width, height (found '{'b' * 27}...{'b' * 28}')",
    ),
    ("annotations[0]", {"id": [[[[[[[[1]]]]]]]]}, "'id' must be a whole number (found [[[[[[[...]]]]]]])"),
    ("annotations[0]", {"iscrowd": "no"}, "'iscrowd' must be a whole number (found 'no')"),
    (
        "annotations[0]",
        {"bbox": [64, 5, 20, 30]},
        "a box (x, y, width, height) must overlap its image (found [64.0, 5.0, 20.0, 30.0] in 64 x 48 pixels)",
    ),
    (
        "annotations[0]",
        {"bbox": [5, -30, 20, 30]},
        "a box (x, y, width, height) must overlap its image (found [5.0, -30.0, 20.0, 30.0] in 64 x 48 pixels)",
    ),
]


@pytest.mark.parametrize(("place", "fields", "message"), BAD_ENTRIES)
def test_a_bad_entry_is_named(tmp_path: Path, place: str, fields: dict[str, object], message: str) -> None:
    path = written(tmp_path, with_(small(), place, **fields))

    with pytest.raises(DataError) as caught:
        read_annotations(path)

    assert str(caught.value) == f"{path}: {place}: {message}"


BAD_FILES: list[Any] = [
    ("{", r"an annotation file must be JSON \(found .*line 1 column 2"),
    (b'{"a": "\xff"}', r"an annotation file must be JSON \(found .*codec can't decode"),
    pytest.param(
        "[" * 100_000 + "]" * 100_000, r"must be JSON \(found lists or objects nested too deep\)", id="nested"
    ),
    ([], r"an annotation file must be a JSON object \(found list\)"),
    ({"images": []}, r"a data set must have images \(found none\)"),
    (small() | {"categories": []}, r"a data set must have categories \(found none\)"),
    (small() | {"annotations": []}, r"a data set must have annotations \(found none\)"),
    (small() | {"annotations": {}}, r"must have a list 'annotations' \(found keys images, categories, annotations\)"),
    ({"info": 1}, r"must have a list 'images' \(found keys info\)"),
    (small() | {"images": [5]}, r"images\[0\]: an entry must be a JSON object \(found 5\)"),
    (
        small() | {"categories": [{"id": 4, "name": "cat"}, {"id": 9, "name": "cat"}]},
        r"categories: names of categories must differ \(found 'cat' 2 times\)",
    ),
]


@pytest.mark.parametrize(("content", "message"), BAD_FILES)
def test_a_bad_file_is_named_with_its_fault(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "boxes.json"
    path.write_bytes(content if isinstance(content, bytes) else written(tmp_path, content).read_bytes())

    with pytest.raises(DataError, match=re.escape(str(path)) + ".*" + message):
        read_annotations(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json: there is no such file"):
        read_annotations(tmp_path / "none.json")


def test_categories_are_in_order_of_their_ids_and_the_rest_in_that_of_the_file(tmp_path: Path) -> None:
    content = read_annotations(written(tmp_path, small()))

    assert content.categories == (Category(4, "cat"), Category(9, "dog"))
    assert [image.id for image in content.images] == [7, 3]
    assert [(one.image_id, one.is_crowd) for one in content.annotations] == [(7, False), (7, True), (3, False)]


def test_area_and_crowd_may_be_left_out(tmp_path: Path) -> None:
    content = with_(small(), "annotations[0]", area=..., iscrowd=...)

    (first, *_) = read_annotations(written(tmp_path, content)).annotations

    assert (first.area, first.is_crowd, first.is_ignored) == (600, False, False)


@pytest.mark.parametrize(
    ("fields", "is_degenerate"),
    [
        ({"bbox": [1, 1, 0.99, 9]}, True),
        ({"bbox": [1, 1, 9, 0]}, True),
        ({"bbox": [1, 1, -9, 9]}, True),
        ({"area": 0}, True),
        ({"bbox": [200, 1, 0.5, 9]}, True),  # outside too, but nothing to mend
        ({"bbox": [1, 1, 1, 1]}, False),
        ({"bbox": [-5, -5, 100, 100]}, False),
    ],
)
def test_a_box_too_thin_to_learn_from_is_no_error(
    tmp_path: Path, fields: dict[str, object], is_degenerate: object
) -> None:
    content = with_(small(), "annotations[0]", **fields)

    assert read_annotations(written(tmp_path, content)).annotations[0].is_degenerate == is_degenerate


@pytest.mark.parametrize(
    ("box", "reaches_past"),
    [
        ([0, 0, 64, 48], False),
        ([-1, -1, 10, 10], False),  # as far as rounding goes
        ([55, 39, 10, 10], False),
        ([-1.1, 5, 10, 10], True),
        ([5, -1.1, 10, 10], True),
        ([55.1, 5, 10, 10], True),
        ([5, 39.1, 10, 10], True),
    ],
)
def test_a_box_reaches_past_its_image_from_more_than_a_pixel_on(
    tmp_path: Path, box: list[float], reaches_past: object
) -> None:
    content = read_annotations(written(tmp_path, with_(small(), "annotations[0]", bbox=box)))

    assert content.annotations[0].reaches_past(content.images[0]) == reaches_past
