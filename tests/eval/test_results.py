from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gridrt.data.coco import CocoDataset
from gridrt.detector import Detector
from gridrt.errors import DataError, GridRTError
from gridrt.eval import evaluate
from gridrt.eval.results import categories_of_labels, detect_all
from gridrt.types import Detections, Int32Array, RawDetections, UInt8Array
from tests.datasets import small, write_dataset
from tests.fakes import FakeSession

SCALE = (64, 64)


@pytest.fixture
def dataset(tmp_path: Path) -> CocoDataset:
    return write_dataset(tmp_path)


def test_results_are_cocos(dataset: CocoDataset) -> None:
    session = FakeSession(rows=[(16, 16, 32, 48, 0.75, 1)])

    results = detect_all(Detector(session, SCALE), dataset).results

    assert results[0] == {"image_id": 7, "category_id": 9, "bbox": [16, 16, 16, 32], "score": 0.75}
    assert [one["image_id"] for one in results] == [7, 3]
    assert json.loads(json.dumps(results)) == results


def test_numbers_keep_every_digit(dataset: CocoDataset) -> None:
    session = FakeSession(rows=[(0.1, 0.2, 32.3, 48.4, 0.7, 1)])
    detector = Detector(session, SCALE)
    found = detector([dataset.load_image(1)])[0]

    result = detect_all(detector, dataset).results[1]

    x1, y1, x2, y2 = map(float, found.boxes[0])
    assert result["bbox"] == [x1, y1, x2 - x1, y2 - y1]
    assert result["score"] == float(found.scores[0])


def test_classes_are_matched_by_name_whatever_their_order(dataset: CocoDataset) -> None:
    assert categories_of_labels(("cat", "dog"), dataset) == (4, 9)
    assert categories_of_labels(("dog", "cat"), dataset) == (9, 4)


def test_classes_without_names_are_matched_in_order(dataset: CocoDataset) -> None:
    with pytest.warns(UserWarning, match="0 is cat, class 1 is dog"):
        assert categories_of_labels(("class 0", "class 1"), dataset) == (4, 9)


def test_classes_without_names_must_be_as_many_as_the_categories(dataset: CocoDataset) -> None:
    with pytest.raises(DataError) as caught:
        categories_of_labels(("class 0", "class 1", "class 2"), dataset)
    assert caught.value.value == "3 classes, 2 categories"

    assert caught.value.place == dataset.place


def test_classes_that_the_data_does_not_have_are_named_in_one_warning_and_not_evaluated(dataset: CocoDataset) -> None:
    names = ("cat", "cow", "dog", *(f"pet {number}" for number in range(12)))

    with pytest.warns(UserWarning, match="cow, pet 0, ") as caught:
        categories = categories_of_labels(names, dataset)

    assert len(caught) == 1
    assert str(caught[0].message).endswith(", pet 8, ...")
    assert categories == (4, None, 9, *[None] * 12)
    found = Detections(np.ones((2, 4), np.float32), np.ones(2, np.float32), np.array([1, 2], np.int32))
    assert [one["category_id"] for one in found.to_coco(7, categories)] == [9]


def test_a_category_with_objects_that_is_no_class_is_an_error_that_names_both(dataset: CocoDataset) -> None:
    with pytest.raises(DataError) as caught:
        categories_of_labels(("Cat", "dog"), dataset)
    assert all(name in str(caught.value.value) for name in ("cat ", "Cat "))

    assert caught.value.place == dataset.place


def test_a_category_without_objects_that_is_no_class_is_named_in_a_warning(tmp_path: Path) -> None:
    content = small()
    content["categories"].append({"id": 1, "name": "wolf"})
    dataset = write_dataset(tmp_path, content)

    with pytest.warns(UserWarning, match=r"not evaluated.*: wolf$"):
        assert categories_of_labels(("cat", "dog"), dataset) == (4, 9)


def test_data_without_any_class_of_the_model_is_an_error(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path, small() | {"annotations": []})

    with pytest.raises(DataError) as caught:
        categories_of_labels(("cow", "horse"), dataset)
    assert caught.value.place == dataset.place
    assert all(name in str(caught.value.value) for name in ("cat", "dog", "cow", "horse"))


def test_text_ids_come_back_as_they_are_and_are_evaluated(tmp_path: Path) -> None:
    content = small()
    for entry in [*content["images"], *content["categories"]]:
        entry["id"] = f"number {entry['id']}"
    content["annotations"] = [
        {"id": "a", "image_id": "number 7", "category_id": "number 9", "bbox": [0, 0, 32, 32]},
        {"id": "b", "image_id": "number 3", "category_id": "number 9", "bbox": [0, 0, 30, 30]},
    ]
    dataset = write_dataset(tmp_path, content)
    detector = Detector(FakeSession(rows=[(0, 0, 32, 32, 0.9, 1)]), SCALE)

    first, second = detect_all(detector, dataset).results

    assert (first["image_id"], first["category_id"]) == ("number 7", "number 9")
    assert second["image_id"] == "number 3"
    assert evaluate(detector, dataset).per_class["dog"].ap50 == pytest.approx(1)


def test_damaged_images_are_named_in_one_warning_and_the_others_evaluated(tmp_path: Path) -> None:
    content = small()
    content["images"].append({"id": 8, "file_name": "c.png", "width": 64, "height": 48})
    content["annotations"] = [
        {"id": 1, "image_id": image_id, "category_id": 9, "bbox": [0, 0, 32, 32]} | {"id": image_id}
        for image_id in (7, 3, 8)
    ]
    dataset = write_dataset(tmp_path, content)
    for name in ("b.png", "c.png"):
        (tmp_path / name).write_bytes(b"no image")
    detector = Detector(FakeSession(rows=[(0, 0, 32, 32, 0.9, 1)]), SCALE)

    with pytest.warns(UserWarning, match=r"2 of 3 .*b\.png: ") as caught:
        metrics = evaluate(detector, dataset)

    assert len(caught) == 1
    assert list(metrics.failed) == [tmp_path / "b.png", tmp_path / "c.png"]
    assert metrics.failed[tmp_path / "c.png"].startswith(f"{tmp_path / 'c.png'}: ")
    assert (metrics.images, metrics.overall.objects) == (1, 1)
    assert metrics.overall.ap == pytest.approx(1)
    assert json.loads(json.dumps(metrics.to_json()))["failed"].keys() == {str(path) for path in metrics.failed}


@pytest.mark.parametrize(("rows", "is_full"), [(100, True), (99, False)])
def test_images_with_as_many_detections_as_the_model_can_return_are_known(
    dataset: CocoDataset, rows: int, *, is_full: bool
) -> None:
    """Also where their class is not one of the data."""
    session = FakeSession([(0, 0, 32, 32, 0.9, 2)] * rows, class_names=("cat", "dog", "cow"))

    with pytest.warns(UserWarning, match="not evaluated"):
        found = detect_all(Detector(session, SCALE), dataset)

    assert found.full == [dataset.path(0), dataset.path(1)] * is_full


def test_damaged_images_alone_are_an_error(dataset: CocoDataset, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"no image")

    with pytest.raises(GridRTError) as caught:
        detect_all(Detector(FakeSession(rows=[]), SCALE), dataset)
    assert caught.value.place == dataset.place
    assert str(caught.value.value).startswith(f"{tmp_path / 'a.png'}: ")


def test_a_detector_is_measured(tmp_path: Path) -> None:
    content = small()
    content["annotations"] = [
        {"id": 1, "image_id": 7, "category_id": 9, "bbox": [0, 0, 32, 32]},
        {"id": 2, "image_id": 3, "category_id": 9, "bbox": [40 / 43 * 32, 0, 10, 10]},
    ]
    session = FakeSession(rows=[(0, 0, 32, 32, 0.9, 1)])

    metrics = evaluate(Detector(session, SCALE), write_dataset(tmp_path, content))

    assert metrics.per_class["cat"].objects == 0
    assert metrics.overall.ap == metrics.per_class["dog"].ap == pytest.approx(51 / 101 / 2)  # one of two, found second


class FirstImageFails(FakeSession):
    """Returns a NaN for the first image."""

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        raw = super().run(images, image_sizes)
        if len(self.shapes_seen) == 1:
            raw.scores[0, 0] = np.nan
        return raw


def test_an_image_whose_output_is_not_finite_is_reported_by_its_path_and_the_others_are_done(
    dataset: CocoDataset,
) -> None:
    found = detect_all(Detector(FirstImageFails(), SCALE), dataset)

    assert list(found.failed) == [dataset.path(0)]
    assert "must be finite" in found.failed[dataset.path(0)]
    assert {one["image_id"] for one in found.results} == {dataset.images[1].id}
