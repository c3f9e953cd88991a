from __future__ import annotations

import json
from pathlib import Path

import pytest

from gridrt.calib.affine import Range
from gridrt.calib.evaluation import Trial
from gridrt.calib.recipe import Recipe, Rule
from gridrt.calib.targets import TARGETS
from gridrt.data.coco import CocoDataset
from gridrt.errors import DataError, ImageError
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


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_pictures(tmp_path_factory.mktemp("trial") / "images")


@pytest.fixture(scope="module")
def dataset(pictures: list[Path]) -> CocoDataset:
    folder = pictures[0].parent
    graph = write_detector(folder.parent / "graph.onnx")
    return CocoDataset(folder, write_truth(folder.parent / "truth.json", folder, graph))


@pytest.fixture(scope="module")
def trial(pictures: list[Path], dataset: CocoDataset) -> Trial:
    return Trial(small_detector(), RANGES, TENSORRT, pictures, dataset, SCALE, threads=1)


NOTHING = Recipe("nothing", "stays in FP32", (Rule("backbone*", "fp32", "exact"),), "nothing.toml")


def test_the_graph_in_fp32_is_measured_once_at_the_start(trial: Trial) -> None:
    assert trial.ap == pytest.approx(100)


def test_the_graph_itself_loses_nothing(trial: Trial) -> None:
    found, ap = trial.outcome(NOTHING)

    assert (found.images, found.detections, found.missing, found.extra) == (4, 3, 0, 0)
    assert found.disagreement == 0
    assert ap == trial.ap


def test_a_recipe_that_harms_boxes_loses_ap_and_one_that_does_not_keeps_it(trial: Trial) -> None:
    whole, spared = trial.measure(small_recipe()), trial.measure(WITHOUT_GRID)

    assert whole.ap_drop == pytest.approx(100)
    assert whole.disagreement > 0.3
    assert spared.ap_drop == pytest.approx(0, abs=1)
    assert spared.disagreement < 0.02


def test_a_recipe_is_run_once(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    first = trial.measure(WITHOUT_GRID)
    monkeypatch.setattr(trial, "apply", None)

    assert trial.measure(WITHOUT_GRID) == first


def test_a_recipe_is_applied_with_the_ranges_for_the_target(trial: Trial) -> None:
    rewritten = trial.apply(WITHOUT_GRID)

    assert weights_of(rewritten)["entered/scale/fp16"] == pytest.approx(1 / 127, rel=1e-3)
    assert "regions/scale/fp16" not in weights_of(rewritten)
    assert node_of(rewritten, "backbone.conv1/Conv").input[0] == "normalized/dequantized"


def test_without_annotations_there_is_no_ap(pictures: list[Path]) -> None:
    trial = Trial(small_detector(), RANGES, TENSORRT, pictures[:2], None, SCALE, threads=1)

    assert trial.ap is None
    assert trial.outcome(NOTHING)[1] is None
    loss = trial.measure(small_recipe())
    assert loss.ap_drop is None
    assert loss.disagreement > 0.3


def changed(dataset: CocoDataset, folder: Path, **entries: object) -> CocoDataset:
    content = json.loads(Path(dataset.place).read_text()) | entries
    (folder / "changed.json").write_text(json.dumps(content))
    return CocoDataset(dataset.path(0).parent, folder / "changed.json")


def test_annotations_without_objects_are_refused(pictures: list[Path], dataset: CocoDataset, tmp_path: Path) -> None:
    crowd = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "iscrowd": 1}
    empty = changed(dataset, tmp_path, annotations=[crowd])

    with pytest.raises(DataError, match=r"changed\.json: average precision is measured on at least one object"):
        Trial(small_detector(), RANGES, TENSORRT, pictures, empty, SCALE, threads=1)


def test_annotations_of_other_classes_are_refused(pictures: list[Path], dataset: CocoDataset, tmp_path: Path) -> None:
    other = changed(dataset, tmp_path, categories=[{"id": 1, "name": "street"}])

    with pytest.raises(DataError, match="found scene in the model, street in the data"):
        Trial(small_detector(), RANGES, TENSORRT, pictures, other, SCALE, threads=1)


def test_a_picture_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"missing\.png"):
        Trial(small_detector(), RANGES, TENSORRT, [tmp_path / "missing.png"], None, SCALE)
