"""The graphs that engines are built from: how they are written, and how often the parent is read and run for that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest

from gridrt.calib.calibrate import calibrate
from gridrt.calib.engine import build_engine, rewrite_graph
from gridrt.calib.recipe import Recipe, RecipeError, Rule
from gridrt.data.image import save_image
from gridrt.errors import GraphError, GridRTError, OutputError
from gridrt.export.engine.options import EngineOptions
from gridrt.export.engine.profile import profile_for
from gridrt.graph.graph import Graph, load_graph
from gridrt.types import UInt8Array
from tests.calib.small_detector import small_recipe, write_detector, write_pictures
from tests.export.passes.test_static_rows import computed_ends

HALF = Recipe("half", "all in FP16", (Rule("*", "fp16", "fast"),), "half.toml")


@pytest.fixture
def graph(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Graph:
    """Of a working folder with images."""
    monkeypatch.chdir(tmp_path)
    write_pictures(tmp_path / "images")
    return load_graph(write_detector(Path("cells.onnx")))


@pytest.fixture
def tiny(
    exported: Callable[[str], Path],
    photo: Callable[[str], UInt8Array],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """The file of a detector with a grid branch; the working folder has an image."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    save_image(tmp_path / "images/coffee.png", photo("coffee_crop"))
    return exported("tiny")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a graph is parsed or opened."""
    found = Counter[str]()

    def count(module: Any, name: str) -> None:  # noqa: ANN401 - a module
        original = getattr(module, name)

        def counted(*arguments: object, **named: object) -> object:
            found[name] += 1
            return original(*arguments, **named)

        monkeypatch.setattr(module, name, counted)

    count(onnx, "load")
    count(onnx, "load_model_from_string")
    count(onnxruntime, "InferenceSession")
    return found


def test_int8_parses_its_parent_once_and_opens_it_and_the_result_once(tiny: Path, calls: Counter[str]) -> None:
    rewrite_graph(load_graph(tiny), "int8", images=Path("images"), scale=(160, 128), threads=1)

    assert calls == {"load_model_from_string": 1, "InferenceSession": 2}


def test_fp16_parses_its_parent_once_and_opens_the_result(tiny: Path, calls: Counter[str]) -> None:
    rewrite_graph(load_graph(tiny), "fp16", threads=1)

    assert calls == {"load_model_from_string": 1, "InferenceSession": 1}


@pytest.mark.parametrize("recipe", ["int8", "fp16"])
def test_rows_are_static_for_an_engine(tiny: Path, recipe: str) -> None:
    for_int8: dict[str, Any] = {"images": Path("images"), "scale": (160, 128)} if recipe == "int8" else {}

    done = rewrite_graph(load_graph(tiny), recipe, threads=1, **for_int8)

    assert len(list(computed_ends(load_graph(tiny).model.graph))) == 1
    assert list(computed_ends(done.graph.model.graph)) == []


def test_for_a_cpu_the_slice_by_the_number_of_detections_stays(tiny: Path) -> None:
    done = calibrate(load_graph(tiny), Path("images"), target="cpu", scale=(160, 128), threads=1)

    assert len(list(computed_ends(done.graph.model.graph))) == 1


def test_the_result_is_the_file_named_after_graph_and_recipe(graph: Graph) -> None:
    done = rewrite_graph(graph, HALF, threads=1)

    read = load_graph("cells.half.onnx")
    assert done.fidelity is None
    assert (done.graph.path, done.graph.sha256, done.graph.model) == (read.path, read.sha256, read.model)
    assert done.graph.metadata["gridrt.parent_sha256"] == graph.sha256


def test_int8_is_compared_with_its_parent(graph: Graph) -> None:
    done = rewrite_graph(graph, small_recipe(), images=Path("images"), threads=1)

    assert done.fidelity is not None
    assert done.fidelity.detections == 3


@pytest.mark.parametrize(("recipe", "images"), [(small_recipe(), None), (HALF, Path("images"))])
def test_int8_alone_has_images(graph: Graph, recipe: Recipe, images: Path | None) -> None:
    with pytest.raises(RecipeError, match="INT8") as caught:
        rewrite_graph(graph, recipe, images=images)
    assert caught.value.place == recipe.place


@pytest.mark.parametrize(
    "option", [{"method": "entropy"}, {"max_images": 5}, {"cache": Path("cache.npz")}, {"scale": (64, 64)}]
)
def test_options_of_the_calibration_are_refused_without_int8(graph: Graph, option: dict[str, Any]) -> None:
    profile = profile_for((64, 64))

    for build in (
        lambda: rewrite_graph(graph, HALF, **option),
        lambda: build_engine(graph, recipe=HALF, options=EngineOptions(profile), **option),
        lambda: build_engine(graph, options=EngineOptions(profile), **option),
    ):
        with pytest.raises(GridRTError, match="INT8") as refused:
            build()
        assert refused.value.place == f"`{next(iter(option))}`"


def test_threads_are_refused_where_nothing_runs(graph: Graph) -> None:
    with pytest.raises(GridRTError, match="INT8") as caught:
        build_engine(graph, threads=1)
    assert caught.value.place == "`threads`"


def test_a_rewritten_graph_is_not_rewritten_again(graph: Graph) -> None:
    once = rewrite_graph(graph, HALF, threads=1)

    with pytest.raises(GraphError, match="recipe half") as caught:
        rewrite_graph(once.graph, HALF, Path("twice.onnx"))
    assert caught.value.place == once.graph.path
    assert not Path("twice.onnx").exists()


def test_the_parent_is_not_overwritten(graph: Graph) -> None:
    before = graph.path.read_bytes()

    with pytest.raises(OutputError) as caught:
        rewrite_graph(graph, HALF, graph.path)
    assert (caught.value.place, caught.value.value) == (graph.path, f"the input {graph.path}")
    with pytest.raises(OutputError) as caught:
        build_engine(graph, Path("cells.engine"), recipe=HALF)
    assert (caught.value.place, caught.value.value) == (graph.path, f"the input {graph.path}")
    assert graph.path.read_bytes() == before


@pytest.mark.parametrize("name", ["engine.onnx", "engine"])
def test_an_engine_has_its_suffix(graph: Graph, name: str) -> None:
    with pytest.raises(GridRTError) as caught:
        build_engine(graph, Path(name))
    assert caught.value.place == Path(name)
