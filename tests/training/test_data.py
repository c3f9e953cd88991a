from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gridrt.data.coco import CocoDataset
from gridrt.data.joined import JoinedDataset
from gridrt.training import TrainingData
from tests.datasets import write_image
from tests.training.stand_ins import SCALE, data_of

Content = dict[str, Any]
Edit = Callable[[Content], object]


def edited(pictures: Path, folder: Path, edit: Edit) -> CocoDataset:
    """The set to train on, with other annotations."""
    content = json.loads((pictures / "instances_train.json").read_text())
    shutil.copytree(pictures / "train", folder / "train", dirs_exist_ok=True)
    edit(content)
    for image in content["images"]:
        if (image["width"], image["height"]) != SCALE:
            write_image(folder / "train" / image["file_name"], image["width"], image["height"])
    (folder / "edited.json").write_text(json.dumps(content))
    return CocoDataset(folder / "train", folder / "edited.json")


def move_a_box(content: Content) -> None:
    content["annotations"][3]["bbox"][0] += 0.5


def swap_two_labels(content: Content) -> None:
    first = content["annotations"][0]
    other = next(one for one in content["annotations"] if one["category_id"] != first["category_id"])
    first["category_id"], other["category_id"] = other["category_id"], first["category_id"]


def swap_two_names(content: Content) -> None:
    first, second = content["categories"][:2]
    first["name"], second["name"] = second["name"], first["name"]


def swap_two_pictures(content: Content) -> None:
    first, second = content["images"][:2]
    first["file_name"], second["file_name"] = second["file_name"], first["file_name"]


def make_a_crowd(content: Content) -> None:
    content["annotations"][0]["iscrowd"] = 1


def widen(content: Content) -> None:
    content["images"][0]["width"] += 1


def lose_a_box(content: Content) -> None:
    content["annotations"].pop()


def turn_round(content: Content) -> None:
    content["images"].reverse()


EDITS: list[Edit] = [
    move_a_box,
    swap_two_labels,
    swap_two_names,
    swap_two_pictures,
    make_a_crowd,
    widen,
    lose_a_box,
    turn_round,
]


@pytest.mark.parametrize("edit", EDITS)
def test_digests_tell_sets_apart(pictures: Path, tmp_path: Path, edit: Edit) -> None:
    before, after = (edited(pictures, tmp_path, one) for one in (lambda _: None, edit))

    old, new = (TrainingData(dataset, dataset) for dataset in (before, after))

    assert old.training_digest() != new.training_digest()
    assert old.validation_digest() != new.validation_digest()


def test_digests_are_the_same_wherever_a_set_lies(pictures: Path, tmp_path: Path) -> None:
    shutil.copytree(pictures, tmp_path / "moved")
    here, there = data_of(pictures), data_of(tmp_path / "moved")

    assert here.training_digest() == there.training_digest()
    assert here.validation_digest() == there.validation_digest()
    assert data_of(pictures, evaluated=False).validation_digest() == "none"


def test_images_that_are_left_out_are_counted_by_the_reason(pictures: Path, tmp_path: Path) -> None:
    def leave_out(content: Content) -> None:
        emptied = {image["id"] for image in content["images"][:3]}
        content["annotations"] = [one for one in content["annotations"] if one["image_id"] not in emptied]
        content["images"][2]["height"] = content["images"][5]["height"] = 31
        content["annotations"] = [one | {"bbox": [0, 0, 20, 20]} for one in content["annotations"]]

    data = TrainingData(JoinedDataset([edited(pictures, tmp_path, leave_out)]), None)

    assert len(data.images) == 8
    assert data.left_out() == {"without objects": 2, "with a side of less than 32 pixels": 2}
    assert data_of(pictures).left_out() == {}
