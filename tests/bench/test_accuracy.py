from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gridrt.bench.accuracy import accuracy_of, deltas, evaluation_of
from gridrt.data.coco import CocoDataset
from gridrt.detector import Detector
from gridrt.errors import DataError
from gridrt.eval import Evaluation, detect_all
from gridrt.types import Detections
from tests.bench_results import plain_accuracy
from tests.datasets import write_dataset
from tests.fakes import FakeSession

# What the one dog and the one cat of the data set are near to.
SESSION = FakeSession(rows=[(10, 5, 30, 34, 0.9, 1), (2, 3, 30, 40, 0.8, 0)])


def found_by(detector: Detector, dataset: CocoDataset) -> dict[Path, Detections]:
    return {dataset.path(index): detector([dataset.load_image(index)])[0] for index in range(len(dataset))}


def test_the_figures_are_those_of_an_evaluation(tmp_path: Path) -> None:
    dataset, detector = write_dataset(tmp_path), Detector(SESSION, (64, 64))
    found = found_by(detector, dataset)

    accuracy = accuracy_of(evaluation_of(dataset, SESSION.class_names, found))

    expected = Evaluation(dataset, detect_all(detector, dataset).results)
    measured = {"images": accuracy.images, "overall": accuracy.overall, "per_class": accuracy.per_class}
    assert expected.metrics().to_json() == measured | {"failed": {}}
    assert 0 < (accuracy.overall["ap"] or 0) < 1
    assert np.mean([one for one in accuracy.by_iou.values() if one is not None]) == pytest.approx(
        accuracy.overall["ap"]
    )
    assert (accuracy.by_iou["0.50"], accuracy.by_iou["0.90"]) == (accuracy.overall["ap50"], accuracy.overall["ap90"])
    assert np.mean(accuracy.precision_recall["0.75"]) == pytest.approx(accuracy.overall["ap75"])


def test_classes_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    swapped = FakeSession(rows=[(*row[:5], 1 - row[5]) for row in SESSION.rows], class_names=("dog", "cat"))
    both = []
    for session in (SESSION, swapped):
        detector = Detector(session, (64, 64))
        found = found_by(detector, dataset)
        both.append(accuracy_of(evaluation_of(dataset, session.class_names, found)))

    assert both[0] == both[1]


def test_classes_other_than_the_datas_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        evaluation_of(write_dataset(tmp_path), ("cat", "bird"), {})
    assert all(name in str(caught.value.value) for name in ("dog", "bird"))


def test_images_in_which_nothing_is_found_count(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    nothing = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))

    found = {dataset.path(index): nothing for index in range(2)}
    accuracy = accuracy_of(evaluation_of(dataset, SESSION.class_names, found))

    assert (accuracy.images, accuracy.overall["ap"]) == (2, 0)


def test_images_that_were_not_measured_do_not_count(tmp_path: Path) -> None:
    dataset, detector = write_dataset(tmp_path), Detector(SESSION, (64, 64))
    found = found_by(detector, dataset)
    del found[dataset.path(0)]

    accuracy = accuracy_of(evaluation_of(dataset, SESSION.class_names, found))

    assert (accuracy.images, accuracy.overall["objects"]) == (1, 1)
    assert accuracy.per_class["dog"]["ap"] is None  # its only object is in the other image


def test_a_delta_is_the_figure_minus_the_references_and_none_where_one_is() -> None:
    found = deltas(plain_accuracy(0.5, 0.25), plain_accuracy(0.75, 0.25))

    assert (found["ap"], found["ap90"], found["large"]) == (-0.25, 0, None)
