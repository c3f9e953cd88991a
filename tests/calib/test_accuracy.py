"""The promise of the package: a trained detector in FP16 and INT8 has the AP that it has in FP32."""

from __future__ import annotations

from pathlib import Path

import pytest

from gridrt.calib.affine import Range
from gridrt.calib.fidelity import cpu_detector
from gridrt.calib.observe import observable_session, observe
from gridrt.calib.range_methods import METHODS, ranges_of
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.data.coco import CocoDataset
from gridrt.eval import evaluate
from gridrt.graph.graph import Graph, load_graph

# Images that are evaluated, and that ranges are observed on. Few do for INT8, whose nodes outside are those of FP16.
FEW, ALL = (16, 4), (72, 32)


@pytest.fixture(scope="module")
def graph(tiny_bccd_file: Path) -> Graph:
    return load_graph(tiny_bccd_file)


@pytest.fixture(scope="module")
def numbers(request: pytest.FixtureRequest) -> tuple[int, int]:
    few_or_all: tuple[int, int] = request.param
    return few_or_all


@pytest.fixture(scope="module")
def cells(data_dir: Path, numbers: tuple[int, int]) -> CocoDataset:
    annotations = data_dir / "bccd" / "annotations" / "instances_test.json"
    return CocoDataset(data_dir / "bccd" / "images", annotations).first(numbers[0])


@pytest.fixture(scope="module")
def ranges(
    graph: Graph, data_dir: Path, numbers: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Range]:
    training = CocoDataset(data_dir / "bccd" / "images", data_dir / "bccd" / "annotations" / "instances_train.json")
    images = training.paths[: numbers[1]]
    session = observable_session(graph, threads=1)
    cache = tmp_path_factory.mktemp("cache") / "c.npz"
    return ranges_of(observe(graph, session, images, (480, 360), cache).observers, METHODS["mse"])


@pytest.fixture(scope="module")
def float_figures(graph: Graph, cells: CocoDataset) -> dict[str, float]:
    return figures_of(graph, cells)


def figures_of(graph: Graph, cells: CocoDataset) -> dict[str, float]:
    """In points of 100. What is FP16 is rounded at every node here, as on a GPU that fuses nothing."""
    precision = evaluate(cpu_detector(graph, threads=1), cells).overall
    assert precision.ap is not None
    assert precision.ap90 is not None
    return {"ap": 100 * precision.ap, "ap90": 100 * precision.ap90}


# AP90 of INT8 moves by more than a point in either direction with the pictures that it is calibrated on, so that on 72
# images no budget for it would mean anything.
@pytest.mark.parametrize("target", ["tensorrt", "cpu"])
@pytest.mark.parametrize("numbers", [FEW, pytest.param(ALL, marks=pytest.mark.slow)], indirect=True)
def test_int8_loses_at_most_half_a_point_of_ap_on_blood_cells(
    graph: Graph, cells: CocoDataset, ranges: dict[str, Range], float_figures: dict[str, float], target: str
) -> None:
    rewritten = apply_recipe(graph.model, load_recipe("int8"), TARGETS[target], ranges)

    figures = figures_of(Graph(rewritten, graph.path), cells)

    assert float_figures["ap"] - figures["ap"] <= 0.5


# On all images alone: on a few, one detection that changes sides costs more than the budget.
@pytest.mark.slow
@pytest.mark.parametrize("numbers", [ALL], indirect=True)
def test_fp16_loses_next_to_nothing_on_blood_cells(
    graph: Graph, cells: CocoDataset, float_figures: dict[str, float]
) -> None:
    rewritten = apply_recipe(graph.model, load_recipe("fp16"), TARGETS["tensorrt"])

    figures = figures_of(Graph(rewritten, graph.path), cells)

    assert float_figures["ap"] - figures["ap"] <= 0.1
    assert float_figures["ap90"] - figures["ap90"] <= 0.3
