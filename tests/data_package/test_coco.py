from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from gridrt.data.coco import CocoDataset
from gridrt.errors import DataError, ImageError
from tests.datasets import open_dataset, small, write_dataset, write_image


def test_labels_count_the_categories_by_id(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)

    assert dataset.class_names == ("cat", "dog")
    assert dataset.category_ids == (4, 9)
    np.testing.assert_array_equal([1], dataset.objects(0).labels)
    np.testing.assert_array_equal([0], dataset.objects(1).labels)


def test_objects_have_corners_and_no_crowds(tmp_path: Path) -> None:
    objects = write_dataset(tmp_path).objects(0)

    np.testing.assert_array_equal([[10, 5, 30, 35]], objects.boxes)
    assert objects.boxes.dtype == np.float32
    assert objects.labels.dtype == np.int64


def test_an_image_may_have_no_objects(tmp_path: Path) -> None:
    content = small()
    content["annotations"] = content["annotations"][:1]

    objects = write_dataset(tmp_path, content).objects(1)

    assert (objects.boxes.shape, objects.labels.shape) == ((0, 4), (0,))


def test_ignored_and_degenerate_boxes_are_no_objects_and_the_latter_are_counted(tmp_path: Path) -> None:
    content = small()
    content["annotations"][0]["bbox"] = [3, 3, 0.5, 9]
    content["annotations"][2]["ignore"] = 1

    dataset = write_dataset(tmp_path, content)

    assert [len(dataset.objects(index).labels) for index in range(2)] == [0, 0]
    assert dataset.degenerate_boxes == 1


def test_boxes_that_training_cuts_are_counted(tmp_path: Path) -> None:
    content = small()
    content["annotations"][0]["bbox"] = [50, 5, 20, 30]  # of 64 pixels in width
    content["annotations"][1]["bbox"] = [-9, 0, 64, 48]  # a crowd
    content["annotations"][2]["bbox"] = [1.5, 2.5, 30, 58]  # half a pixel past 60
    content["annotations"] += [
        {"id": 3, "image_id": 3, "category_id": 4, "bbox": [-9, 2, 20, 0.5]},  # degenerate
        {"id": 4, "image_id": 3, "category_id": 4, "bbox": [-9, 2, 20, 9], "ignore": 1},
        {"id": 5, "image_id": 3, "category_id": 4, "bbox": [9, -20, 20, 90]},
    ]

    assert write_dataset(tmp_path, content).cut_boxes == 2


def test_the_first_images_keep_their_annotations_and_counts(tmp_path: Path) -> None:
    content = small()
    content["annotations"][0]["bbox"] = [3, 3, 0.5, 9]
    dataset = write_dataset(tmp_path, content)

    first = dataset.first(1)

    assert (len(first), len(first.annotations), first.degenerate_boxes) == (1, 2, 1)
    assert [one["image_id"] for one in first.ground_truth().dataset["annotations"]] == [0, 0]
    assert (len(dataset), len(dataset.annotations)) == (2, 3)


def test_objects_of_real_annotations_are_those_that_pycocotools_lists(data_dir: Path) -> None:
    file = data_dir / "coco_free/annotations/instances_val2017.json"
    dataset = CocoDataset(data_dir / "coco_free/val2017", file)
    coco = COCO(file)
    labels = {category_id: label for label, category_id in enumerate(sorted(coco.cats))}

    for index, image in enumerate(dataset.images):
        entries = coco.loadAnns(coco.getAnnIds(image.id, iscrowd=False))
        found = dataset.objects(index)
        boxes = [[x, y, x + w, y + h] for x, y, w, h in (entry["bbox"] for entry in entries)]
        np.testing.assert_array_equal(np.array(boxes, np.float32).reshape(-1, 4), found.boxes)
        np.testing.assert_array_equal([labels[entry["category_id"]] for entry in entries], found.labels)


def test_an_image_that_changes_its_size_later_is_refused(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    write_image(tmp_path / "b.png", 60, 40)

    with pytest.raises(DataError) as caught:
        dataset.load_image(1)
    assert (caught.value.place, caught.value.value) == (tmp_path / "b.png", "60 x 40")


def test_images_that_are_missing_are_left_out_with_their_annotations_where_that_is_allowed(tmp_path: Path) -> None:
    write_image(tmp_path / "b.png", 40, 60)

    with pytest.warns(UserWarning, match=r"1 of 2 .* a\.png"):
        dataset = open_dataset(tmp_path, small(), allow_missing=True)

    assert [image.id for image in dataset.images] == [3]
    assert [one.image_id for one in dataset.annotations] == [3]
    assert len(dataset.objects(0).labels) == 1


def test_boxes_that_cannot_be_are_left_out_of_training_and_evaluation(tmp_path: Path) -> None:
    content = small()
    content["annotations"][0]["bbox"] = [30, 5, -20, 30]

    with pytest.warns(UserWarning, match=r"1 of 3") as caught:
        dataset = write_dataset(tmp_path, content)
    assert str(caught[0].message).startswith(f"{tmp_path / 'annotations.json'}: ")

    assert len(dataset.objects(0).labels) == 0
    assert [one["bbox"] for one in dataset.ground_truth().dataset["annotations"]] == [
        [0, 0, 64, 48],
        [1.5, 2.5, 30, 40],
    ]


def test_sizes_that_the_file_does_not_give_are_those_of_the_images(tmp_path: Path) -> None:
    content = small()
    write_dataset(tmp_path, content)
    for image in content["images"]:
        del image["width"], image["height"]
    content["annotations"][0]["bbox"] = [64, 5, 20, 30]  # outside

    with pytest.warns(UserWarning, match="64 x 48"):
        dataset = open_dataset(tmp_path, content)

    assert [(image.width, image.height) for image in dataset.images] == [(64, 48), (40, 60)]


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    (tmp_path / "a.png").write_bytes(b"no image")

    with pytest.raises(ImageError) as caught:
        dataset.load_image(0)
    assert caught.value.place == str(tmp_path / "a.png")


def test_nothing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(tmp_path).ground_truth()

    assert capsys.readouterr() == ("", "")


def test_the_ground_truth_numbers_images_by_their_ids_and_categories_by_their_labels(tmp_path: Path) -> None:
    truth = write_dataset(tmp_path).ground_truth()

    assert sorted(truth.imgs) == [0, 1]
    assert [truth.cats[label]["name"] for label in (0, 1)] == ["cat", "dog"]
    columns = ("image_id", "category_id", "iscrowd")
    assert {number: tuple(one[column] for column in columns) for number, one in truth.anns.items()} == {
        1: (1, 1, 0), 2: (1, 0, 1), 3: (0, 0, 0)
    }  # fmt: skip


def test_the_ground_truth_has_images_by_ascending_numbers_then_texts(tmp_path: Path) -> None:
    content = small() | {"annotations": []}
    content["images"] += [
        {"id": image_id, "file_name": "a.png", "width": 64, "height": 48} for image_id in ("b", 10, "a")
    ]

    assert write_dataset(tmp_path, content).truth_ids() == {3: 0, 7: 1, 10: 2, "a": 3, "b": 4}
