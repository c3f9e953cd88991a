from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gridrt.data.annotation_file import read_annotations
from gridrt.data.annotations import Category
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
            content[key][int(index)].pop(name, None)
        else:
            content[key][int(index)][name] = value
    return content


BAD_ENTRIES: list[tuple[str, dict[str, object], str, object]] = [  # value: as the error shows it
    ("images[1]", {"id": ...}, "'id'", None),
    ("images[1]", {"id": 1.5}, "'id'", "1.5"),
    ("images[1]", {"id": float("nan")}, "'id'", "nan"),
    ("images[1]", {"id": ""}, "'id'", "''"),
    ("images[1]", {"id": True}, "'id'", "True"),
    ("images[1]", {"id": 7}, "images[0]", 7),
    ("images[1]", {"id": 7.0}, "images[0]", 7.0),
    ("images[0]", {"file_name": ...}, "'file_name'", None),
    ("images[0]", {"file_name": 5}, "'file_name'", "5"),
    ("images[0]", {"file_name": ..., "coco_url": 5}, "'coco_url'", "5"),
    ("images[0]", {"width": "64"}, "'width'", "'64'"),
    ("images[0]", {"height": 0}, "positive", "64 x 0"),
    ("categories[0]", {"name": ...}, "'name'", None),
    ("categories[1]", {"id": 9}, "categories[0]", 9),
    ("annotations[2]", {"id": ...}, "'id'", None),
    ("annotations[2]", {"id": 0}, "annotations[0]", 0),
    ("annotations[1]", {"image_id": ...}, "'image_id'", None),
    ("annotations[1]", {"image_id": 8}, "'image_id'", "8"),
    ("annotations[1]", {"image_id": "7"}, "'image_id'", "'7'"),
    ("annotations[1]", {"category_id": 5}, "'category_id'", "5"),
    ("annotations[0]", {"bbox": ...}, "'bbox'", None),
    ("annotations[0]", {"bbox": [1, 2, 3]}, "four numbers", "[1, 2, 3]"),
    ("annotations[0]", {"bbox": "1 2 3 4"}, "four numbers", "'1 2 3 4'"),
    ("annotations[0]", {"bbox": [1, 2, "3", 4]}, "'bbox'", "'3'"),
    ("annotations[0]", {"area": "big"}, "'area'", "'big'"),
    ("annotations[0]", {"bbox": "b" * 5000}, "four numbers", f"'{'b' * 27}...{'b' * 28}'"),
    ("annotations[0]", {"id": [[[[[[[[1]]]]]]]]}, "'id'", "[[[[[[[...]]]]]]]"),
    ("annotations[0]", {"iscrowd": "no"}, "'iscrowd'", "'no'"),
    ("annotations[0]", {"iscrowd": 0.5}, "'iscrowd'", "0.5"),
]


@pytest.mark.parametrize(("place", "fields", "word", "value"), BAD_ENTRIES)
def test_a_bad_entry_is_named(tmp_path: Path, place: str, fields: dict[str, object], word: str, value: object) -> None:
    path = written(tmp_path, with_(small(), place, **fields))

    with pytest.raises(DataError) as caught:
        read_annotations(path)

    assert (caught.value.place, caught.value.value) == (f"{path}: {place}", value)
    assert word in caught.value.rule


BAD_FILES: list[Any] = [
    ("{", "", "JSON", "line 1 column 2"),
    (b'{"a": "\xff"}', "", "JSON", "codec can't decode"),
    pytest.param("[" * 100_000 + "]" * 100_000, "", "JSON", "nested", id="nested"),
    ([], "", "object", "list"),
    ({"images": []}, "", "images", "none"),
    (small() | {"categories": []}, "", "categories", "none"),
    (small() | {"annotations": {}}, "", "'annotations'", "keys images, categories, annotations"),
    ({"info": 1}, "", "'images'", "keys info"),
    (small() | {"images": [5]}, ": images[0]", "object", "5"),
    (
        small() | {"categories": [{"id": 4, "name": "cat"}, {"id": 9, "name": "cat"}]},
        ": categories",
        "names",
        "'cat' 2 times",
    ),
]


@pytest.mark.parametrize(("content", "entry", "word", "found"), BAD_FILES)
def test_a_bad_file_is_named_with_its_fault(tmp_path: Path, content: object, entry: str, word: str, found: str) -> None:
    path = tmp_path / "boxes.json"
    path.write_bytes(content if isinstance(content, bytes) else written(tmp_path, content).read_bytes())

    with pytest.raises(DataError) as caught:
        read_annotations(path)
    assert str(caught.value.place) == f"{path}{entry}"
    assert word in caught.value.rule
    assert found in str(caught.value.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_annotations(tmp_path / "none.json")
    assert caught.value.place == tmp_path / "none.json"


def test_categories_are_in_order_of_their_ids_and_the_rest_in_that_of_the_file(tmp_path: Path) -> None:
    content = read_annotations(written(tmp_path, small()))

    assert content.categories == (Category(4, "cat"), Category(9, "dog"))
    assert [image.id for image in content.images] == [7, 3]
    assert [(one.image_id, one.is_crowd) for one in content.annotations] == [(7, False), (7, True), (3, False)]


@pytest.mark.parametrize("nothing", [..., None])
def test_numbers_with_a_default_may_be_missing_or_null(tmp_path: Path, nothing: object) -> None:
    content = with_(small(), "annotations[0]", area=nothing, iscrowd=nothing, ignore=nothing)

    (first, *_) = read_annotations(written(tmp_path, content)).annotations

    assert (first.area, first.is_crowd, first.is_ignored) == (600, False, False)


@pytest.mark.parametrize("change", [str, float])
def test_ids_may_be_texts_or_whole_floats_and_stay_as_they_are(tmp_path: Path, change: type[str | float]) -> None:
    content = small()
    for entry in [*content["images"], *content["categories"], *content["annotations"]]:
        entry["id"] = change(entry["id"])
    for entry in content["annotations"]:
        entry |= {"image_id": change(entry["image_id"]), "category_id": change(entry["category_id"])}

    read = read_annotations(written(tmp_path, content))

    ids = [read.images[0].id, read.categories[0].id, read.annotations[0].image_id, read.annotations[0].category_id]
    assert ids == [change(7), change(4), change(7), change(9)]
    assert {type(one) for one in ids} == {change}


@pytest.mark.parametrize(("value", "expected"), [(0.0, False), (1.0, True), (False, False), (True, True)])
def test_a_crowd_may_be_marked_by_a_float_or_a_truth_value(tmp_path: Path, value: object, *, expected: bool) -> None:
    content = with_(small(), "annotations[0]", iscrowd=value)

    assert read_annotations(written(tmp_path, content)).annotations[0].is_crowd == expected


@pytest.mark.parametrize("nothing", [..., None])
def test_the_size_of_an_image_may_be_missing(tmp_path: Path, nothing: object) -> None:
    first, second = read_annotations(written(tmp_path, with_(small(), "images[0]", width=nothing))).images

    assert (first.size, second.size) == (None, (40, 60))


def test_whole_floats_are_sizes(tmp_path: Path) -> None:
    content = with_(small(), "images[0]", width=64.0, height=48.0)

    assert read_annotations(written(tmp_path, content)).images[0].size == (64, 48)


def test_the_url_of_lvis_stands_in_for_a_file_name(tmp_path: Path) -> None:
    url = "http://images.cocodataset.org/val2017/000000397133.jpg"
    content = with_(small(), "images[0]", file_name=..., coco_url=url)

    assert read_annotations(written(tmp_path, content)).images[0].file_name == "val2017/000000397133.jpg"


def test_a_set_may_have_no_objects(tmp_path: Path) -> None:
    assert read_annotations(written(tmp_path, small() | {"annotations": []})).annotations == ()


@pytest.mark.parametrize(
    "side", [float("nan"), float("inf"), -float("inf"), None, 10**399], ids=["nan", "inf", "-inf", "null", "huge"]
)
def test_numbers_that_are_not_finite_are_kept_for_the_check_of_the_boxes(tmp_path: Path, side: object) -> None:
    content = with_(small(), "annotations[0]", bbox=[1, 2, side, 4])

    assert not np.isfinite(read_annotations(written(tmp_path, content)).annotations[0].box[2])


ROOT = {"id": 0, "name": "pets", "supercategory": "none"}


def with_root(root: dict[str, Any]) -> dict[str, Any]:
    content = small()
    for category in content["categories"]:
        category["supercategory"] = root["name"]
    content["categories"].insert(0, root)
    return content


@pytest.mark.parametrize("name", ["pets", "dog"])
def test_a_root_category_without_objects_is_left_out_with_a_warning(tmp_path: Path, name: str) -> None:
    """Roboflow writes one, which may have the name of another."""
    path = written(tmp_path, with_root(ROOT | {"name": name}))

    with pytest.warns(UserWarning, match=rf"boxes\.json: .*'{name}'"):
        categories = read_annotations(path).categories

    assert categories == (Category(4, "cat"), Category(9, "dog"))


def with_an_object_of_the_root(content: dict[str, Any]) -> None:
    content["annotations"][0]["category_id"] = 0


def with_another_parent(content: dict[str, Any]) -> None:
    content["categories"][1]["supercategory"] = "animals"


def with_a_parent_of_the_root(content: dict[str, Any]) -> None:
    content["categories"][0]["supercategory"] = "pets"


@pytest.mark.parametrize("edit", [with_an_object_of_the_root, with_another_parent, with_a_parent_of_the_root])
def test_other_categories_without_objects_stay(tmp_path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    content = with_root(dict(ROOT))
    edit(content)

    assert [one.name for one in read_annotations(written(tmp_path, content)).categories] == ["pets", "cat", "dog"]


def test_a_single_category_without_objects_stays(tmp_path: Path) -> None:
    content = small() | {"categories": [ROOT], "annotations": []}

    assert [one.name for one in read_annotations(written(tmp_path, content)).categories] == ["pets"]
