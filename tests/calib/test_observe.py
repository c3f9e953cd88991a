from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import pytest

from gridrt.calib import observe as module
from gridrt.calib.observe import observable_session, observe, observed_activations
from gridrt.calib.observers import Observer
from gridrt.data.image import load_image, save_image
from gridrt.data.transform import Transform
from gridrt.errors import DataError, GraphError
from gridrt.graph.graph import load_graph
from gridrt.types import UInt8Array
from tests.calib.graphs import Array, residual_model, run
from tests.calib.small_detector import SCALE, picture, small_detector, write_detector, write_pictures
from tests.calib.test_observers import assert_counts_are_of

ON_GRID = ("regions", "heat")
ELSEWHERE = ("entered", "features", "logits", "main", "normalized", "vector")


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    return write_detector(tmp_path / "graph.onnx")


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """Four, of which the first shows nothing."""
    return write_pictures(tmp_path / "images")


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the pictures that were read."""
    names = []

    def load(path: Path) -> UInt8Array:
        names.append(path.name)
        return load_image(path)

    monkeypatch.setattr(module, "load_image", load)
    return names


def observed(graph: Path, images: list[Path], scale: tuple[int, int], cache: Path) -> Mapping[str, Observer]:
    loaded_graph = load_graph(graph)
    return observe(loaded_graph, observable_session(loaded_graph, threads=1), images, scale, cache).observers


def activation_of(name: str, *pictures: Path) -> Array:
    """A tensor of the graph on pictures, one after the other."""
    values = []
    for path in pictures:
        batch = Transform(SCALE)([load_image(path)])
        feeds: dict[str, Array] = {"images": batch.images, "image_sizes": batch.image_sizes}
        values.append(run(small_detector(), feeds, name)[0].ravel())
    return np.concatenate(values)


def assert_saw(observer: Observer, values: Array) -> None:
    assert (observer.low, observer.high) == (min(values.min(), 0), max(values.max(), 0))
    assert_counts_are_of(observer, values)


def same(one: Mapping[str, Observer], other: Mapping[str, Observer]) -> bool:
    def facts(observer: Observer) -> tuple[float, float, float, bytes]:
        return observer.low, observer.high, observer.limit, observer.counts.tobytes()

    return {name: facts(each) for name, each in one.items()} == {name: facts(each) for name, each in other.items()}


def test_what_any_target_may_quantise_is_observed() -> None:
    assert observed_activations(small_detector().graph) == sorted((*ON_GRID, *ELSEWHERE))
    assert observed_activations(residual_model().graph) == sorted((
        "x", "entered", "main", "down", "passed", "next", "features", "pooled", "lateral", "vector", "logits",
    ))  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
def test_observers_see_what_the_graph_computes_on_every_image(graph: Path, pictures: list[Path], name: str) -> None:
    observers = observed(graph, pictures, SCALE, graph.with_suffix(".npz"))

    assert list(observers) == sorted((*ON_GRID, *ELSEWHERE))
    assert_saw(observers[name], activation_of(name, *pictures))


@pytest.mark.parametrize("name", ON_GRID)
def test_the_grid_branch_counts_only_where_something_is_detected(graph: Path, pictures: list[Path], name: str) -> None:
    """Elsewhere it runs on one row of zeros, which says nothing."""
    observers = observed(graph, pictures, SCALE, graph.with_suffix(".npz"))

    assert_saw(observers[name], activation_of(name, *pictures[1:]))


def test_one_image_is_enough(graph: Path, pictures: list[Path]) -> None:
    observers = observed(graph, pictures[1:2], SCALE, graph.with_suffix(".npz"))

    assert_saw(observers["regions"], activation_of("regions", pictures[1]))


def test_a_picture_that_is_there_twice_counts_once(graph: Path, pictures: list[Path], loaded: list[str]) -> None:
    copy = pictures[1].with_name("copy.png")
    copy.write_bytes(pictures[1].read_bytes())

    observed(graph, [*pictures, copy], SCALE, graph.with_suffix(".npz"))

    assert len(loaded) == 4


def test_images_of_any_size_are_seen(graph: Path, tmp_path: Path) -> None:
    sizes = [(1, 1), (2, 700), (500, 1000)]
    paths = [tmp_path / f"{height}x{width}.png" for height, width in sizes]
    for path, size in zip(paths, sizes, strict=True):
        save_image(path, picture(150, size=size))

    observers = observed(graph, paths, SCALE, graph.with_suffix(".npz"))

    assert_saw(observers["features"], activation_of("features", *paths))


def test_what_is_in_the_cache_is_not_run_again(graph: Path, pictures: list[Path], loaded: list[str]) -> None:
    cache = graph.with_suffix(".npz")
    first = observed(graph, pictures[:3], SCALE, cache)
    again = observed(graph, pictures[:3], SCALE, cache)
    assert sorted(loaded) == ["0.png", "1.png", "2.png"]
    assert same(first, again)

    more = observed(graph, pictures, SCALE, cache)

    assert sorted(loaded) == ["0.png", "1.png", "2.png", "3.png"]
    assert same(more, observed(graph, pictures, SCALE, graph.with_suffix(".other")))


def test_another_graph_scale_or_fewer_pictures_start_anew(graph: Path, pictures: list[Path], loaded: list[str]) -> None:
    cache = graph.with_suffix(".npz")
    observed(graph, pictures, SCALE, cache)
    other = write_detector(graph.with_name("other.onnx"), offset=1.0)
    for model, seen in ((graph, pictures), (graph, pictures[1:]), (other, pictures[1:])):
        with pytest.warns(UserWarning, match="calibration starts anew"):
            observed(model, seen, (32, 32), cache)

    assert len(loaded) == 4 + 4 + 3 + 3


def interrupting(at: str, names: list[str]) -> Callable[[Path], UInt8Array]:
    def load(path: Path) -> UInt8Array:
        if path.name == at:
            raise KeyboardInterrupt
        names.append(path.name)
        return load_image(path)

    return load


def test_an_interrupted_calibration_goes_on_where_it_was(
    graph: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, names = graph.with_suffix(".npz"), list[str]()
    monkeypatch.setattr(module, "SAVE_SECONDS", -1.0)
    monkeypatch.setattr(module, "load_image", interrupting("2.png", []))
    with pytest.raises(KeyboardInterrupt):
        observed(graph, pictures, SCALE, cache)
    monkeypatch.setattr(module, "load_image", interrupting("", names))

    observers = observed(graph, pictures, SCALE, cache)

    assert sorted(names) == ["2.png", "3.png"]
    assert same(observers, observed(graph, pictures, SCALE, graph.with_suffix(".other")))


def test_an_interruption_before_the_first_saving_leaves_no_file(
    graph: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "load_image", interrupting("2.png", []))

    with pytest.raises(KeyboardInterrupt):
        observed(graph, pictures, SCALE, graph.with_suffix(".npz"))

    assert sorted(path.name for path in graph.parent.iterdir()) == ["graph.onnx", "images"]


def test_no_images_are_an_error(graph: Path) -> None:
    with pytest.raises(DataError, match="at least one image"):
        observed(graph, [], SCALE, graph.with_suffix(".npz"))


def test_images_without_objects_are_an_error_the_second_time_too(graph: Path, pictures: list[Path]) -> None:
    for _ in range(2):
        with pytest.raises(DataError, match=r"images: .* in 1 image"):
            observed(graph, pictures[:1], SCALE, graph.with_suffix(".npz"))


def test_a_picture_without_objects_among_others_is_no_error_wherever_it_is(graph: Path, pictures: list[Path]) -> None:
    dark, *bright = pictures
    forwards = observed(graph, pictures, SCALE, graph.with_suffix(".npz"))
    backwards = observed(graph, [*bright, dark], SCALE, graph.with_suffix(".other"))

    for one, other in zip(forwards.values(), backwards.values(), strict=True):
        assert (one.low, one.high, one.counts.sum()) == (other.low, other.high, other.counts.sum())


def test_pictures_with_objects_mend_that_without_a_second_run(
    graph: Path, pictures: list[Path], loaded: list[str]
) -> None:
    with pytest.raises(DataError):
        observed(graph, pictures[:1], SCALE, graph.with_suffix(".npz"))

    observed(graph, pictures, SCALE, graph.with_suffix(".npz"))

    assert sorted(loaded) == ["0.png", "1.png", "2.png", "3.png"]


def test_a_graph_that_overflows_is_refused_with_the_place(graph: Path, pictures: list[Path]) -> None:
    model = small_detector()
    for weight in model.graph.initializer:
        if weight.name in {"conv1_weight", "layer1_weight"}:  # each sound by itself, not one behind the other
            large = np.full(tuple(weight.dims), 9e18, np.float32)
            weight.CopyFrom(onnx.numpy_helper.from_array(large, weight.name))
    onnx.save(model, graph)

    with pytest.raises(GraphError, match="finite") as caught:
        observed(graph, pictures, SCALE, graph.with_suffix(".npz"))
    assert caught.value.place == "features"

    assert not graph.with_suffix(".npz").exists()


def test_a_picture_that_the_graph_cannot_be_run_on_is_named(graph: Path, pictures: list[Path]) -> None:
    """As for want of memory; here for its size."""
    model = small_detector()
    first = next(node for node in model.graph.node if node.name == "normalize/Transpose")
    reshape = onnx.helper.make_node("Reshape", ["images", "only"], ["reshaped"], name="Reshape")
    first.input[0] = "reshaped"
    model.graph.node.insert(0, reshape)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([1, 32, 64, 3]), "only"))
    onnx.save(model, graph)
    save_image(pictures[0].with_name("square.png"), picture(150, size=(32, 32)))

    with pytest.raises(GraphError) as caught:
        observed(graph, [*pictures, pictures[0].with_name("square.png")], SCALE, graph.with_suffix(".npz"))
    assert caught.value.place == pictures[0].with_name("square.png")


@pytest.mark.parametrize("kind", ["missing", "folder", "words", "empty"])
def test_what_is_no_picture_is_named(graph: Path, pictures: list[Path], kind: str) -> None:
    bad = pictures[0].with_name("bad.png")
    if kind == "folder":
        bad.mkdir()
    elif kind != "missing":
        bad.write_text("words" if kind == "words" else "")

    loaded = load_graph(graph)
    session, cache = observable_session(loaded, threads=1), graph.with_suffix(".npz")
    with pytest.warns(UserWarning, match=r"1 of 5 .*bad\.png: ") as caught:
        seen = observe(loaded, session, [*pictures, bad], SCALE, cache)

    assert len(caught) == 1
    assert seen.images == pictures
    assert same(seen.observers, observed(graph, pictures, SCALE, graph.with_suffix(".other")))


def test_at_least_half_of_the_pictures_must_be_readable(graph: Path, pictures: list[Path], loaded: list[str]) -> None:
    bad = [pictures[0].with_name(f"bad{number}.png") for number in range(5)]
    for path in bad:
        path.write_text(path.name)
    with pytest.raises(DataError) as caught:
        observed(graph, [*bad, *pictures], SCALE, graph.with_suffix(".npz"))
    assert caught.value.place == pictures[0].parent
    assert str(caught.value.value).startswith("5 of 9 ")
    assert str(bad[0]) in str(caught.value.value)
    loaded.clear()

    with pytest.warns(UserWarning, match="4 of 8"):
        observed(graph, [*bad[:4], *pictures], SCALE, graph.with_suffix(".npz"))

    assert sorted(loaded) == [path.name for path in bad[:4]]  # what was seen is kept


def test_without_a_terminal_no_bar_is_drawn(
    graph: Path, pictures: list[Path], capfd: pytest.CaptureFixture[str]
) -> None:
    observed(graph, pictures, SCALE, graph.with_suffix(".npz"))

    assert capfd.readouterr() == ("", "")
