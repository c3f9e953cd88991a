from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gridrt.data.coco import CocoDataset
from gridrt.detector import Detector
from gridrt.errors import DataError, NonFiniteError
from gridrt.eval import evaluate
from gridrt.eval.results import categories_of_labels, detect_all
from gridrt.types import Int32Array, RawDetections, UInt8Array
from tests.datasets import small, write_dataset
from tests.fakes import FakeSession

SCALE = (64, 64)


@pytest.fixture
def dataset(tmp_path: Path) -> CocoDataset:
    return write_dataset(tmp_path)


def test_results_are_cocos(dataset: CocoDataset) -> None:
    session = FakeSession(rows=[(16, 16, 32, 48, 0.75, 1)])

    results = detect_all(Detector(session, SCALE), dataset)

    assert results[0] == {"image_id": 7, "category_id": 9, "bbox": [16, 16, 16, 32], "score": 0.75}
    assert [one["image_id"] for one in results] == [7, 3]
    assert json.loads(json.dumps(results)) == results


def test_numbers_keep_every_digit(dataset: CocoDataset) -> None:
    session = FakeSession(rows=[(0.1, 0.2, 32.3, 48.4, 0.7, 1)])
    detector = Detector(session, SCALE)
    found = detector([dataset.load_image(1)])[0]

    result = detect_all(detector, dataset)[1]

    x1, y1, x2, y2 = map(float, found.boxes[0])
    assert result["bbox"] == [x1, y1, x2 - x1, y2 - y1]
    assert result["score"] == float(found.scores[0])


def test_classes_are_matched_by_name_whatever_their_order(dataset: CocoDataset) -> None:
    assert categories_of_labels(("cat", "dog"), dataset) == (4, 9)
    assert categories_of_labels(("dog", "cat"), dataset) == (9, 4)


def test_classes_without_names_are_matched_in_order(dataset: CocoDataset) -> None:
    assert categories_of_labels(("class 0", "class 1"), dataset) == (4, 9)


def test_another_number_of_classes_is_an_error(dataset: CocoDataset) -> None:
    session = FakeSession(class_names=("cat", "dog", "cow"))

    with pytest.raises(DataError, match=r"as many classes .* \(found 3 classes, 2 categories\)") as caught:
        evaluate(Detector(session, SCALE), dataset)

    assert caught.value.place == dataset.place
    assert caught.value.remedy.endswith("also those without boxes: cat, dog, cow.")


def test_of_many_classes_the_error_tells_the_first(dataset: CocoDataset) -> None:
    with pytest.raises(DataError, match=r": class 0, class 1, .*, class 9, \.\.\.\.$"):
        categories_of_labels([f"class {label}" for label in range(80)], dataset)


def test_other_names_are_an_error_that_tells_them(dataset: CocoDataset) -> None:
    with pytest.raises(DataError, match=r"\(found Cat in the model, cat in the data\)") as caught:
        categories_of_labels(("Cat", "dog"), dataset)

    assert caught.value.place == dataset.place


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
    errors: list[NonFiniteError] = []

    results = detect_all(Detector(FirstImageFails(), SCALE), dataset, errors.append)

    assert [error.place for error in errors] == [dataset.path(0)]
    assert {one["image_id"] for one in results} == {dataset.images[1].id}


def test_without_a_way_to_report_it_such_an_image_is_an_error_with_its_path(dataset: CocoDataset) -> None:
    with pytest.raises(NonFiniteError) as caught:
        detect_all(Detector(FirstImageFails(), SCALE), dataset)

    assert caught.value.place == dataset.path(0)
