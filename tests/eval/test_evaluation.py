from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from gridrt.data.coco import CocoDataset
from gridrt.eval import AveragePrecision, Evaluation, Result
from tests.datasets import small, write_dataset


@pytest.fixture(scope="module")
def annotations_file(data_dir: Path) -> Path:
    return data_dir / "coco_free/annotations/instances_val2017.json"


@pytest.fixture(scope="module")
def dataset(data_dir: Path, annotations_file: Path) -> CocoDataset:
    return CocoDataset(data_dir / "coco_free/val2017", annotations_file)


def truth_as_results(annotations_file: Path) -> list[Result]:
    entries = json.loads(annotations_file.read_text())["annotations"]
    return [
        Result(image_id=one["image_id"], category_id=one["category_id"], bbox=one["bbox"], score=1.0)
        for one in entries
        if not one["iscrowd"]
    ]


def imperfect_results(annotations_file: Path) -> list[Result]:
    """The truth with boxes shaken, scores drawn, some left out, some of another class, some twice."""
    random = np.random.default_rng(0)
    found = []
    for one in truth_as_results(annotations_file) * 2:
        if random.random() < 0.3:
            continue
        x, y, w, h = one["bbox"]
        shaken = (np.array([x, y, w, h]) + random.normal(0, 0.05, 4) * [w, h, w, h]).tolist()
        category_id = 1 if random.random() < 0.1 else one["category_id"]
        score = float(random.random())
        found.append(Result(image_id=one["image_id"], category_id=category_id, bbox=shaken, score=score))
    return found


def by_hand(
    annotations_file: Path, results: Sequence[Result], set_up: Callable[[Any], None], folder: Path
) -> list[float]:
    """The twelve figures that pycocotools sums up, straight from the two files."""
    file = folder / "results.json"
    file.write_text(json.dumps(results))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(annotations_file))
        coco = COCOeval(truth, truth.loadRes(str(file)), "bbox")
        set_up(coco.params)
        coco.evaluate()
        coco.accumulate()
        coco.summarize()
    stats: list[float] = coco.stats.tolist()
    return stats


def six_figures(one: AveragePrecision) -> list[float]:
    figures = (one.ap, one.ap50, one.ap75, one.small, one.medium, one.large)
    return [-1 if figure is None else figure for figure in figures]


def test_the_truth_fed_back_has_an_ap_of_1(dataset: CocoDataset, annotations_file: Path) -> None:
    metrics = Evaluation(dataset, truth_as_results(annotations_file)).metrics()

    assert six_figures(metrics.overall) == pytest.approx([1] * 6, abs=1e-12)
    assert (metrics.overall.ap80, metrics.overall.ap90) == pytest.approx((1, 1), abs=1e-12)
    for one in metrics.per_class.values():
        assert one.ap == (pytest.approx(1, abs=1e-12) if one.objects else None)
    assert metrics.images == 66


def test_figures_equal_those_of_pycocotools_by_hand(
    dataset: CocoDataset, annotations_file: Path, tmp_path: Path
) -> None:
    results = imperfect_results(annotations_file)

    expected = by_hand(annotations_file, results, lambda _: None, tmp_path)[:6]

    assert 0.2 < expected[0] < 0.8
    assert six_figures(Evaluation(dataset, results).metrics().overall) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("name", "iou"), [("ap80", 0.8), ("ap90", 0.9)])
def test_ap_at_one_iou_equals_that_of_pycocotools_asked_for_it_alone(
    dataset: CocoDataset, annotations_file: Path, tmp_path: Path, name: str, iou: float
) -> None:
    def only_this_iou(params: Any) -> None:  # noqa: ANN401 - pycocotools has no types
        params.iouThrs = np.array([iou])

    results = imperfect_results(annotations_file)
    expected = by_hand(annotations_file, results, only_this_iou, tmp_path)[0]

    assert getattr(Evaluation(dataset, results).metrics().overall, name) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["person", "car", "book", "hair drier"])
def test_a_class_has_the_figures_of_pycocotools_asked_for_it_alone(
    dataset: CocoDataset, annotations_file: Path, tmp_path: Path, name: str
) -> None:
    def only_this_class(params: Any) -> None:  # noqa: ANN401 - pycocotools has no types
        params.catIds = [dataset.category_ids[dataset.class_names.index(name)]]

    results = imperfect_results(annotations_file)
    expected = by_hand(annotations_file, results, only_this_class, tmp_path)[:6]

    actual = six_figures(Evaluation(dataset, results).metrics().per_class[name])
    assert actual == pytest.approx(expected, abs=1e-12)


def test_objects_are_counted_without_crowds(dataset: CocoDataset, annotations_file: Path) -> None:
    entries = json.loads(annotations_file.read_text())["annotations"]
    metrics = Evaluation(dataset, []).metrics()

    assert metrics.overall.objects == sum(not one["iscrowd"] for one in entries) == 552
    assert metrics.per_class["person"].objects == sum(one["category_id"] == 1 and not one["iscrowd"] for one in entries)


def test_nothing_found_is_an_ap_of_0(dataset: CocoDataset) -> None:
    assert six_figures(Evaluation(dataset, []).metrics().overall) == [0] * 6


def test_an_annotation_with_id_0_can_be_found(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    results = truth_as_results(tmp_path / "annotations.json")

    assert Evaluation(dataset, results).metrics().overall.ap == pytest.approx(1)
    assert by_hand(tmp_path / "annotations.json", results, lambda _: None, tmp_path)[0] < 0.6  # pycocotools misses it


def test_what_is_found_in_a_crowd_counts_neither_way(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    results = truth_as_results(tmp_path / "annotations.json")
    results.append(Result(image_id=7, category_id=4, bbox=[30, 10, 15, 15], score=1.0))

    evaluation = Evaluation(dataset, results)

    assert evaluation.metrics().per_class["cat"].ap == pytest.approx(1)
    assert evaluation.mistakes(0.3) == []


def test_results_are_left_as_they_were(tmp_path: Path) -> None:
    results = [Result(image_id=7, category_id=4, bbox=[1, 2, 3, 4], score=0.5)]

    Evaluation(write_dataset(tmp_path), results)

    assert results == [{"image_id": 7, "category_id": 4, "bbox": [1, 2, 3, 4], "score": 0.5}]


def test_nothing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write_dataset(tmp_path)

    Evaluation(dataset, truth_as_results(tmp_path / "annotations.json")).metrics()

    assert capsys.readouterr() == ("", "")


def test_precision_is_that_of_the_average(dataset: CocoDataset, annotations_file: Path) -> None:
    evaluation = Evaluation(dataset, imperfect_results(annotations_file))
    curves = evaluation.precision(0.75)

    assert curves.shape == (80, len(evaluation.recall_steps()))
    assert curves[curves > -1].mean() == pytest.approx(evaluation.metrics().overall.ap75)
    assert (np.diff(curves) <= 0).all()


def test_metrics_can_be_written_as_json(tmp_path: Path) -> None:
    content = json.loads(json.dumps(Evaluation(write_dataset(tmp_path), []).metrics().to_json()))

    assert content["images"] == 2
    assert content["overall"]["objects"] == 2
    assert content["per_class"]["dog"] == {
        "objects": 1, "ap": 0, "ap50": 0, "ap75": 0, "ap80": 0, "ap90": 0, "small": 0, "medium": None, "large": None
    }  # fmt: skip


def test_mistakes_are_what_is_missed_wrong_or_found_twice_worst_image_first(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    results = [
        Result(image_id=7, category_id=9, bbox=[10, 5, 20, 30], score=0.9),
        Result(image_id=7, category_id=9, bbox=[10, 5, 20, 29], score=0.8),  # once more
        Result(image_id=3, category_id=4, bbox=[1.5, 2.5, 30, 40], score=0.2),  # too unsure
        Result(image_id=3, category_id=9, bbox=[1, 2, 30, 40], score=0.5),  # of another class
    ]

    worst, other = Evaluation(dataset, results).mistakes(0.3)

    assert (worst.index, worst.weight) == (1, 1.5)
    np.testing.assert_array_equal([[1.5, 2.5, 31.5, 42.5]], worst.missed_boxes)
    np.testing.assert_array_equal([0], worst.missed_labels)
    np.testing.assert_array_equal([[1, 2, 31, 42]], worst.wrong.boxes)
    np.testing.assert_array_equal([1], worst.wrong.labels)
    assert (other.index, len(other.missed_labels)) == (0, 0)
    np.testing.assert_array_equal(np.array([0.8], np.float32), other.wrong.scores)


def test_mistakes_belong_to_their_image(dataset: CocoDataset, annotations_file: Path) -> None:
    without_one_image = [one for one in truth_as_results(annotations_file) if one["image_id"] != dataset.images[0].id]

    (mistakes,) = Evaluation(dataset, without_one_image).mistakes(0.3)

    assert mistakes.index == 0
    assert sorted(mistakes.missed_boxes.tolist()) == sorted(dataset.objects(0).boxes.tolist())


def test_ap_at_one_iou_is_the_mean_of_its_curve(dataset: CocoDataset, annotations_file: Path) -> None:
    evaluation = Evaluation(dataset, imperfect_results(annotations_file))

    assert evaluation.average_precision(0.75) == evaluation.metrics().overall.ap75
    assert evaluation.mean_precision(0.75).mean() == pytest.approx(evaluation.metrics().overall.ap75)


def test_without_objects_there_is_no_ap_and_the_curve_is_flat(tmp_path: Path) -> None:
    content = small()
    content["annotations"] = content["annotations"][1:2]  # a crowd
    evaluation = Evaluation(write_dataset(tmp_path, content), [])

    assert evaluation.average_precision(0.5) is None
    assert not evaluation.mean_precision(0.5).any()


def test_images_that_failed_do_not_count(dataset: CocoDataset, annotations_file: Path, tmp_path: Path) -> None:
    failed = {dataset.path(index): "damaged" for index in range(0, len(dataset), 3)}
    kept = [image.id for index, image in enumerate(dataset.images) if dataset.path(index) not in failed]

    def only_these_images(params: Any) -> None:  # noqa: ANN401 - pycocotools has no types
        params.imgIds = kept

    results = imperfect_results(annotations_file)
    evaluation = Evaluation(dataset, results, failed)
    metrics = evaluation.metrics()

    expected = by_hand(annotations_file, results, only_these_images, tmp_path)[:6]
    assert six_figures(metrics.overall) == pytest.approx(expected, abs=1e-12)
    assert metrics.images == len(kept)
    assert metrics.overall.objects == sum(not one.is_crowd and one.image_id in kept for one in dataset.annotations)
    assert {dataset.path(one.index) for one in evaluation.mistakes(0.3)}.isdisjoint(failed)


def test_false_positives_of_a_set_without_objects_are_counted(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path, small() | {"annotations": []})
    results = [
        Result(image_id=image_id, category_id=9, bbox=[1, 2, 9, 9], score=score)
        for image_id, score in ((7, 0.9), (7, 0.3), (3, 0.5), (3, 0.2))
    ]

    evaluation = Evaluation(dataset, results)

    assert evaluation.metrics().overall.ap is None
    assert (evaluation.false_positives(0.3), evaluation.false_positives(0.6)) == (3, 1)


def test_a_detection_that_matches_is_no_false_positive(tmp_path: Path) -> None:
    dataset = write_dataset(tmp_path)
    results = truth_as_results(tmp_path / "annotations.json")

    assert Evaluation(dataset, results).false_positives(0) == 0
    assert Evaluation(dataset, results * 2).false_positives(0) == len(results)  # found twice
