from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto

from gridrt.calib import calibrate as module
from gridrt.calib.calibrate import calibrate
from gridrt.calib.range_methods import METHODS
from gridrt.calib.recipe import Recipe, RecipeError, Rule, load_recipe
from gridrt.calib.sensitivity import blocks_of
from gridrt.calib.targets import TARGETS
from gridrt.errors import GridRTError
from gridrt.graph.graph import load_graph
from gridrt.machine.devices import Cpu
from gridrt.runtime.advice import warn_of_saturation
from tests.calib.graphs import weights_of
from tests.calib.small_detector import SCALE, small_detector, small_recipe, write_detector, write_pictures, write_truth
from tests.calib.test_observe import activation_of

Arguments = dict[str, Any]

GRID = "roi_head.grid_head.convs.0"
BLOCKS = {"backbone.conv1", "backbone.layer1", "roi_head.bbox_head.fc_cls", GRID}


@pytest.fixture
def request_(tmp_path: Path) -> Arguments:
    """Four pictures of which the first shows nothing, annotated with what the graph finds."""
    graph = load_graph(write_detector(tmp_path / "graph.onnx"))
    write_pictures(tmp_path / "images")
    return {
        "graph": graph,
        "images": tmp_path / "images",
        "recipe": small_recipe(),
        "target": "tensorrt",
        "method": "minmax",
        "cache": tmp_path / "cache.npz",
        "out": tmp_path / "out.onnx",
        "threads": 1,
    }


@pytest.fixture
def annotated(request_: Arguments) -> Arguments:
    truth = write_truth(request_["images"].parent / "truth.json", request_["images"], request_["graph"].path)
    return dict(request_, annotations=truth)


def test_ranges_come_from_the_pictures_through_the_graph(request_: Arguments) -> None:
    done = calibrate(**request_)

    seen = activation_of("entered", *sorted(request_["images"].iterdir()))
    scale = weights_of(done.graph.model)["entered/scale/fp16"]
    assert scale == np.float16(np.abs(seen).max() / 127)
    assert (done.images, done.recipe) == (4, request_["recipe"])
    assert done.calibration == {"method": "minmax", "images": 4, "scale": list(SCALE)}


def test_without_annotations_detections_are_compared_and_nothing_else_is_measured(request_: Arguments) -> None:
    done = calibrate(**request_)

    assert (done.fidelity.images, done.fidelity.detections) == (4, 3)
    assert (done.ap, done.ap_after, done.ranking, done.mixture) == (None, None, [], None)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", TARGETS)
def test_every_method_and_target_gives_a_graph_that_detects(request_: Arguments, method: str, target: str) -> None:
    recipe = small_recipe(Rule("roi_head.grid_head*", "fp16", "places the box"))

    done = calibrate(**dict(request_, method=method, target=target, recipe=recipe))

    assert (done.fidelity.detections, done.fidelity.missing, done.fidelity.extra) == (3, 0, 0)


def test_a_processor_on_which_int8_loses_is_told_before_the_work(
    request_: Arguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridrt.runtime.advice.find_cpu", lambda: Cpu("Some CPU", 1, ("avx2",)))
    warn_of_saturation.cache_clear()
    monkeypatch.setattr(module, "observable_session", None)  # a call would fail

    with pytest.warns(UserWarning, match="Some CPU"), pytest.raises(TypeError):
        calibrate(**dict(request_, target="cpu"))


def test_other_methods_need_no_second_look(request_: Arguments, monkeypatch: pytest.MonkeyPatch) -> None:
    calibrate(**request_)
    monkeypatch.setattr("gridrt.calib.observe.load_image", None)  # a call would fail

    wide, narrow = (calibrate(**dict(request_, method=method)) for method in ("minmax", "percentile"))

    assert weights_of(narrow.graph.model)["entered/scale/fp16"] <= weights_of(wide.graph.model)["entered/scale/fp16"]


def test_so_many_pictures_as_asked_for_are_taken_and_a_few_compared(
    request_: Arguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COMPARED_IMAGES", 2)

    done = calibrate(**dict(request_, max_images=3))

    assert (done.images, done.fidelity.images) == (3, 2)


def test_the_scale_may_be_given(request_: Arguments) -> None:
    assert calibrate(**dict(request_, scale=(32, 32))).calibration["scale"] == [32, 32]


def test_with_annotations_ap_is_told_of_both(annotated: Arguments) -> None:
    done = calibrate(**annotated)

    assert done.ap == pytest.approx(100)
    assert done.ap_after == pytest.approx(0)
    assert done.ap_drop_interval == pytest.approx((100, 100))
    assert done.to_json()["ap_drop_interval"] == done.ap_drop_interval


def test_sensitivity_ranks_every_block(annotated: Arguments) -> None:
    done = calibrate(**dict(annotated, sensitivity=True))

    assert {cost.block for cost in done.ranking} == BLOCKS
    assert done.ranking[0].block == GRID
    assert done.ranking[0].loss.ap_drop == pytest.approx(100)
    assert done.mixture is None
    assert done.recipe == annotated["recipe"]


def test_sensitivity_without_annotations_ranks_by_disagreement(request_: Arguments) -> None:
    done = calibrate(**dict(request_, sensitivity=True))

    assert done.ranking[0].block == GRID
    assert {cost.loss.ap_drop for cost in done.ranking} == {None}


def test_for_a_budget_the_block_that_costs_ap_is_kept_in_fp16(annotated: Arguments) -> None:
    done = calibrate(**dict(annotated, max_ap_drop=1.0))

    assert done.mixture is not None
    assert done.mixture.kept_back == (GRID,)
    assert done.recipe == done.mixture.recipe
    assert done.recipe.name == "mixed"
    assert done.ap_after == pytest.approx(100, abs=1)
    assert set(blocks_of(small_detector().graph, done.recipe)) == BLOCKS - {GRID}
    assert "grid_weight/fp16" in weights_of(done.graph.model)
    assert "fc_weight/int8" in weights_of(done.graph.model)


def test_a_budget_that_is_met_at_once_needs_no_ranking(annotated: Arguments) -> None:
    done = calibrate(**dict(annotated, max_ap_drop=100.0))

    assert done.mixture is not None
    assert (done.mixture.kept_back, done.ranking) == ((), [])
    assert done.recipe.rules == annotated["recipe"].rules


def test_a_budget_that_fp16_cannot_meet_is_told_by_the_loss(annotated: Arguments) -> None:
    """The decode takes 4096 off what the grid head adds to: half precision keeps steps of 4 there."""
    graph = load_graph(write_detector(annotated["graph"].path.with_name("offset.onnx"), offset=4096.0))

    done = calibrate(**dict(annotated, graph=graph, max_ap_drop=1.0))

    assert done.mixture is not None
    assert set(done.mixture.kept_back) == BLOCKS
    assert done.mixture.loss.ap_drop == pytest.approx(100)


@pytest.fixture
def unused(request_: Arguments, monkeypatch: pytest.MonkeyPatch) -> Arguments:
    """Whoever runs a picture fails."""
    monkeypatch.setattr("gridrt.calib.observe.load_image", None)
    monkeypatch.setattr("gridrt.calib.evaluation.load_image", None)
    return request_


@pytest.mark.parametrize(
    ("rule", "place", "found", "word"),
    [
        (Rule("backbone*", "fp16", "r"), "own.toml", None, "convolutions"),
        (Rule("backbone/Relu", "int8", "r"), "own.toml: rules[0].nodes", "'backbone/Relu', which matches Relu", "int8"),
        (Rule("bakcbone*", "int8", "r"), "own.toml: rules[0].nodes", "'bakcbone*'", "at least one node"),
    ],
)
def test_a_recipe_that_does_not_fit_is_refused_before_any_work(
    unused: Arguments, rule: Rule, place: str, found: str | None, word: str
) -> None:
    with pytest.raises(RecipeError, match=word) as caught:
        calibrate(**dict(unused, recipe=Recipe("own", "d", (rule,), "own.toml")))
    assert (caught.value.place, caught.value.value) == (place, found)


def test_a_recipe_for_another_model_is_refused_before_any_work(unused: Arguments) -> None:
    with pytest.raises(RecipeError) as caught:
        calibrate(**dict(unused, recipe=load_recipe("int8")))
    assert str(caught.value.place).endswith("int8.toml: rules[1].nodes")


def test_bad_annotations_pictures_and_graphs_are_refused_before_any_work(unused: Arguments) -> None:
    (unused["images"].parent / "empty").mkdir()

    with pytest.raises(GridRTError) as caught:
        calibrate(**dict(unused, annotations=Path("nowhere.json")))
    assert caught.value.place == Path("nowhere.json")
    with pytest.raises(GridRTError) as caught:
        calibrate(**dict(unused, images=Path("nowhere")))
    assert caught.value.place == Path("nowhere")
    with pytest.raises(GridRTError) as caught:
        calibrate(**dict(unused, images=unused["images"].parent / "empty"))
    assert caught.value.place == unused["images"].parent / "empty"
    assert not unused["cache"].exists()


def test_the_graph_on_disk_and_in_memory_stays_as_it_is(request_: Arguments) -> None:
    before = request_["graph"].path.read_bytes()

    done = calibrate(**request_)

    assert request_["graph"].path.read_bytes() == before
    assert request_["graph"].model == ModelProto.FromString(before) != done.graph.model
