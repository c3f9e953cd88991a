from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gridrt.calib.affine import Range
from gridrt.calib.evaluation import RecipeEvaluator
from gridrt.calib.fidelity import cpu_detector
from gridrt.calib.recipe import Recipe, Rule
from gridrt.calib.targets import TARGETS
from gridrt.data.coco import CocoDataset
from gridrt.detector import Detector
from gridrt.errors import DataError, ImageError
from gridrt.eval import DatasetResults, detect_all
from gridrt.graph.graph import Graph
from tests.calib.graphs import node_of, weights_of
from tests.calib.small_detector import SCALE, small_detector, small_recipe, write_detector, write_pictures, write_truth

RANGES = {
    "normalized": Range(0.0, 1.0),
    "entered": Range(0.0, 1.0),
    "main": Range(0.0, 0.5),
    "features": Range(0.0, 1.5),
    "vector": Range(0.0, 1.5),
    "logits": Range(-2.0, 6.0),
    "regions": Range(0.0, 500.0),
    "heat": Range(0.0, 1.0),
}
WITHOUT_GRID = small_recipe(Rule("roi_head.grid_head*", "fp16", "places the box"))
TENSORRT = TARGETS["tensorrt"]


def evaluator_of(images: list[Path], dataset: CocoDataset | None) -> RecipeEvaluator:
    graph = Graph(small_detector(), Path("small.onnx"))
    return RecipeEvaluator(graph, cpu_detector(graph, SCALE, threads=1), RANGES, TENSORRT, images, dataset, threads=1)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_pictures(tmp_path_factory.mktemp("evaluation") / "images")


@pytest.fixture(scope="module")
def dataset(images: list[Path]) -> CocoDataset:
    folder = images[0].parent
    graph = write_detector(folder.parent / "graph.onnx")
    return CocoDataset(folder, write_truth(folder.parent / "truth.json", folder, graph))


@pytest.fixture(scope="module")
def evaluator(images: list[Path], dataset: CocoDataset) -> RecipeEvaluator:
    return evaluator_of(images, dataset)


NOTHING = Recipe("nothing", "stays in FP32", (Rule("backbone*", "fp32", "exact"),), "nothing.toml")


def test_the_graph_in_fp32_is_measured_once_at_the_start(evaluator: RecipeEvaluator) -> None:
    assert evaluator.ap == pytest.approx(100)


def test_the_graph_itself_loses_nothing(evaluator: RecipeEvaluator) -> None:
    found, ap = evaluator.outcome(NOTHING)

    assert (found.images, found.detections, found.missing, found.extra) == (4, 3, 0, 0)
    assert found.disagreement == 0
    assert ap == evaluator.ap


def test_a_recipe_that_harms_boxes_loses_ap_and_one_that_does_not_keeps_it(evaluator: RecipeEvaluator) -> None:
    whole, spared = evaluator.loss(small_recipe()), evaluator.loss(WITHOUT_GRID)

    assert whole.ap_drop == pytest.approx(100)
    assert whole.disagreement > 0.3
    assert spared.ap_drop == pytest.approx(0, abs=1)
    assert spared.disagreement < 0.02


def test_the_interval_of_a_loss_holds_it_and_is_empty_without_a_difference(evaluator: RecipeEvaluator) -> None:
    whole, same = evaluator.loss(small_recipe()), evaluator.loss(NOTHING)

    assert same.ap_drop_interval == (0, 0)
    assert whole.ap_drop is not None
    assert whole.ap_drop_interval is not None
    low, high = whole.ap_drop_interval
    assert low - 1e-9 <= whole.ap_drop <= high + 1e-9


def test_an_image_that_fails_in_a_recipe_alone_costs_ap(
    images: list[Path], dataset: CocoDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluator = evaluator_of(images, dataset)
    counted = {one.image_id for one in dataset.annotations}
    index = next(index for index, image in enumerate(dataset.images) if image.id in counted)

    def fail_in_one(detector: Detector, data: CocoDataset) -> DatasetResults:
        found = detect_all(detector, data)
        kept = [result for result in found.results if result["image_id"] != data.images[index].id]
        return replace(found, results=kept, failed={data.path(index): "not finite"})

    monkeypatch.setattr("gridrt.calib.evaluation.detect_all", fail_in_one)

    assert (evaluator.loss(NOTHING).ap_drop or 0) > 1


def test_a_recipe_is_run_once(evaluator: RecipeEvaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    first = evaluator.loss(WITHOUT_GRID)
    monkeypatch.setattr(evaluator, "apply", None)

    assert evaluator.loss(WITHOUT_GRID) == first


def test_a_recipe_is_applied_with_the_ranges_for_the_target(evaluator: RecipeEvaluator) -> None:
    rewritten = evaluator.apply(WITHOUT_GRID)

    assert weights_of(rewritten)["entered/scale/fp16"] == pytest.approx(1 / 127, rel=1e-3)
    assert "regions/scale/fp16" not in weights_of(rewritten)
    assert node_of(rewritten, "backbone.conv1/Conv").input[0] == "normalized/dequantized"


def test_without_annotations_there_is_no_ap(images: list[Path]) -> None:
    evaluator = evaluator_of(images[:2], None)

    assert evaluator.ap is None
    assert evaluator.outcome(NOTHING)[1] is None
    loss = evaluator.loss(small_recipe())
    assert (loss.ap_drop, loss.ap_drop_interval) == (None, None)
    assert loss.disagreement > 0.3


def changed(dataset: CocoDataset, folder: Path, **entries: object) -> CocoDataset:
    content = json.loads(Path(dataset.place).read_text()) | entries
    (folder / "changed.json").write_text(json.dumps(content))
    return CocoDataset(dataset.path(0).parent, folder / "changed.json")


def test_annotations_without_objects_are_refused(images: list[Path], dataset: CocoDataset, tmp_path: Path) -> None:
    crowd = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "iscrowd": 1}
    empty = changed(dataset, tmp_path, annotations=[crowd])

    with pytest.raises(DataError, match="object") as caught:
        evaluator_of(images, empty)
    assert caught.value.place == empty.place


def test_annotations_of_other_classes_are_refused(images: list[Path], dataset: CocoDataset, tmp_path: Path) -> None:
    other = changed(dataset, tmp_path, categories=[{"id": 1, "name": "street"}])

    with pytest.raises(DataError) as caught:
        evaluator_of(images, other)
    assert caught.value.place == other.place
    assert all(name in str(caught.value.value) for name in ("street", "scene"))


def test_an_image_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        evaluator_of([tmp_path / "missing.png"], None)
    assert caught.value.place == tmp_path / "missing.png"
