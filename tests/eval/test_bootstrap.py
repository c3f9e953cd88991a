from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from gridrt.data.coco import CocoDataset, silenced
from gridrt.eval import Evaluation, Result, bootstrap
from gridrt.eval.bootstrap import (
    ClassMatches,
    delta_intervals,
    matches_of,
    resample_weights,
    resampled_precision,
)
from tests.datasets import small, write_dataset
from tests.eval.test_evaluation import imperfect_results

IOUS = [0.5 + 0.05 * step for step in range(10)]


@pytest.fixture(scope="module")
def annotations_file(data_dir: Path) -> Path:
    return data_dir / "coco_free/annotations/instances_val2017.json"


@pytest.fixture(scope="module")
def evaluation(data_dir: Path, annotations_file: Path) -> Evaluation:
    """With several detections of a score, as quantized models give."""
    dataset = CocoDataset(data_dir / "coco_free/val2017", annotations_file)
    results = [Result(**{**one, "score": round(one["score"], 1)}) for one in imperfect_results(annotations_file)]
    return Evaluation(dataset, results)


def once(matches: list[ClassMatches]) -> np.ndarray[Any, np.dtype[np.int32]]:
    return np.ones((len(matches[0].objects), 1), np.int32)


def test_each_image_once_gives_the_figures_of_pycocotools(evaluation: Evaluation) -> None:
    matches = evaluation.matches()

    found = resampled_precision(matches, once(matches))[:, 0]

    assert found == pytest.approx([evaluation.average_precision(iou) for iou in IOUS], abs=1e-12)
    overall = evaluation.metrics().overall
    assert found.mean() == pytest.approx(overall.ap, abs=1e-12)
    for name, row in bootstrap.IOU_ROWS.items():
        assert found[row] == pytest.approx(getattr(overall, name), abs=1e-12)


def repeated(times: list[int], random: np.random.Generator) -> COCOeval:
    """An evaluation by pycocotools of a data set in which each image is repeated, its copies side by side.

    Args:
        times: by image, how often it is there.
        random: of the objects and detections, which `times` does not change.
    """
    images: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for times_here in times:
        boxes = random.uniform(10, 60, (4, 4))
        crowds, labels = random.random(4) < 0.2, random.integers(3, size=4)
        shaken = [boxes + random.normal(0, noise, boxes.shape) for noise in (2, 5, 10)]
        scores = random.random((3, 4))
        for _ in range(times_here):
            image = len(images)
            images.append({"id": image, "width": 128, "height": 128})
            for box, label, crowd in zip(boxes, labels, crowds, strict=True):
                truth = {"bbox": list(box), "area": box[2] * box[3], "iscrowd": int(crowd)}
                objects.append({"id": len(objects) + 1, "image_id": image, "category_id": int(label), **truth})
            for near, of_round in zip(shaken, scores, strict=True):
                for box, label, score in zip(near, labels, of_round, strict=True):
                    found.append(
                        {"image_id": image, "category_id": int(label), "bbox": list(np.abs(box)), "score": float(score)}
                    )
    truth = COCO()
    truth.dataset = {
        "images": images,
        "annotations": objects,
        "categories": [{"id": label, "name": str(label)} for label in range(4)],  # one has no objects
    }
    with silenced():
        truth.createIndex()
        coco = COCOeval(truth, truth.loadRes(found), "bbox")
        coco.evaluate()
        coco.accumulate()
    return coco


@pytest.mark.parametrize("seed", range(3))
def test_a_weight_counts_an_image_as_often_as_pycocotools_counts_its_copies(seed: int) -> None:
    times = np.random.default_rng(seed).multinomial(12, [1 / 12] * 12)
    originals = matches_of(repeated([1] * 12, np.random.default_rng(seed)))

    found = resampled_precision(originals, times[:, None].astype(np.int32))[:, 0]

    precision = repeated(times.tolist(), np.random.default_rng(seed)).eval["precision"][:, :, :, 0, -1]
    expected = [one[one > -1].mean() for one in precision]
    assert 0.01 < found[5] < 0.99
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_figures_do_not_depend_on_how_many_resamples_run_at_once(
    evaluation: Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    matches = evaluation.matches()
    weights = resample_weights(len(matches[0].objects), 20)
    together = resampled_precision(matches, weights)
    monkeypatch.setattr(bootstrap, "BLOCK", 1)

    assert resampled_precision(matches, weights) == pytest.approx(together, abs=1e-12)


def test_a_resample_takes_as_many_images_as_there_are_and_is_the_same_every_time() -> None:
    weights = resample_weights(50, 200)

    assert (weights.sum(0) == 50).all()
    assert weights.std() == pytest.approx(1, abs=0.05)  # a Poisson distribution, nearly
    assert (weights == resample_weights(50, 200)).all()


def test_a_model_has_no_difference_from_itself(evaluation: Evaluation) -> None:
    matches = evaluation.matches()
    found = resampled_precision(matches, resample_weights(len(matches[0].objects), 50))

    intervals = delta_intervals(found, found)

    assert intervals == dict.fromkeys(("ap", "ap50", "ap75", "ap80", "ap90"), (0, 0))


def simple_matches(hits: list[bool]) -> list[ClassMatches]:
    """An object in each image, and a detection that hits it or not, all of one score."""
    each = np.broadcast_to(hits, (10, len(hits)))
    images = np.arange(len(hits), dtype=np.int32)
    return [ClassMatches(images, each, np.zeros_like(each), np.ones(len(hits), np.int32))]


def test_an_interval_narrows_with_the_square_root_of_the_number_of_images() -> None:
    widths = []
    for count in (50, 800):
        weights = resample_weights(count)
        reference, other = ([index % 4 != miss for index in range(count)] for miss in (9, 2))  # a quarter is missed
        low, high = delta_intervals(
            resampled_precision(simple_matches(other), weights), resampled_precision(simple_matches(reference), weights)
        )["ap50"]
        assert low < -0.25 < high + 0.25
        widths.append(high - low)

    assert widths[0] / widths[1] == pytest.approx(4, rel=0.3)


def test_resamples_without_objects_do_not_count() -> None:
    [one] = simple_matches([True, False])
    sparse = ClassMatches(one.images, one.hits, one.ignored, np.array([1, 0], np.int32))
    weights = np.array([[1, 0], [1, 2]], np.int32)  # the second takes the image without objects twice

    found = resampled_precision([sparse], weights)

    assert np.isnan(found[:, 1]).all()
    assert delta_intervals(found, found - 0.5)["ap"] == (0.5, 0.5)
    assert delta_intervals(found[:, 1:], found[:, 1:]) == {}


def test_a_set_without_objects_has_no_interval(tmp_path: Path) -> None:
    matches = Evaluation(write_dataset(tmp_path, small() | {"annotations": []}), []).matches()

    found = resampled_precision(matches, once(matches))

    assert delta_intervals(found, found) == {}
