"""Engines of TensorRT for RTX, built without a GPU: shapes known, custom ops plugins, precisions kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import ModelProto

from gridrt.calib.affine import Range
from gridrt.calib.graph_files import save_rewritten
from gridrt.calib.observe import observed_activations
from gridrt.calib.recipe import load_recipe
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.config import DEFAULT_SCALE
from gridrt.errors import EngineError
from gridrt.export.engine import build
from gridrt.export.engine.build import engine_from_graph
from gridrt.export.engine.network import Network, network_from_graph
from gridrt.export.engine.options import EngineOptions
from gridrt.export.engine.precision import planned_precisions
from gridrt.export.engine.profile import Profile, fix_inputs, profile_for
from gridrt.export.passes.static_rows import static_rows
from gridrt.files import sha256_of
from gridrt.graph.graph import load_graph
from gridrt.plugins.adapters.python_plugin import register_python_plugins
from gridrt.plugins.kernels import KERNELS
from gridrt.runtime.tensorrt.library import MessageLog, TensorRT, load_tensorrt
from tests.fake_tensorrt import fake_tensorrt

ONE_SIZE = EngineOptions(profile_for(DEFAULT_SCALE, (1, 1), ((256, 320), (256, 320))), "tensorrt-rtx")
SIZES = EngineOptions(profile_for((320, 256), (1, 4)), "tensorrt-rtx")


@pytest.fixture(scope="module")
def library(tensorrt_rtx: Any) -> TensorRT:  # noqa: ANN401 - a module
    register_python_plugins(tensorrt_rtx, KERNELS)
    return load_tensorrt("tensorrt-rtx")


@pytest.fixture(scope="module")
def rewritten(exported: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Writes `tiny` by a recipe, with ranges that are made up."""
    graph, folder = exported("tiny"), tmp_path_factory.mktemp("rewritten")

    def by(recipe_name: str, target_name: str = "tensorrt") -> Path:
        recipe, target = load_recipe(recipe_name), TARGETS[target_name]
        model = onnx.load(graph)
        ranges = dict.fromkeys(observed_activations(model.graph), Range(-4.0, 4.0))
        path = folder / f"tiny.{recipe_name}.{target_name}.onnx"
        save_rewritten(apply_recipe(model, recipe, target, ranges), path, recipe, target, sha256_of(graph), {})
        return path

    return by


def network(
    library: TensorRT, graph: Path, profile: Profile, rewrite: Callable[[ModelProto], None] = static_rows
) -> Network:
    model = onnx.load(graph)
    rewrite(model)
    fix_inputs(model, profile)
    return network_from_graph(library, model)


def layers(built: Network) -> list[Any]:
    return [built.definition.get_layer(index) for index in range(built.definition.num_layers)]


def shapes(built: Network) -> dict[str, list[tuple[int, ...]]]:
    """Of what each plugin gives."""
    plugins = (layer for layer in layers(built) if layer.type.name == "PLUGIN_V3")
    return {
        layer.name: [tuple(layer.get_output(index).shape) for index in range(layer.num_outputs)] for layer in plugins
    }


def test_custom_ops_are_plugins_and_all_shapes_follow_from_the_inputs(
    library: TensorRT, exported: Callable[[str], Path]
) -> None:
    built = network(library, exported("tiny"), ONE_SIZE.profile)
    assert shapes(built) == {
        "BatchedNms": [(1, 1000, 4), (1, 1000), (1, 1000)],
        "MultiLevelRoiAlign": [(1000, 64, 7, 7)],
        "BatchedNms_1": [(1, 100, 4), (1, 100), (1, 100)],
        "MultiLevelRoiAlign_1": [(100, 64, 14, 14)],
        "GridFusion": [(100, 144, 7, 7)],
    }
    assert open_tensors(built) == []


def open_tensors(built: Network) -> list[str]:
    """Those of which TensorRT does not know the shape."""
    outputs = (layer.get_output(index) for layer in layers(built) for index in range(layer.num_outputs))
    return [tensor.name for tensor in outputs if min(tensor.shape, default=0) < 0]


def test_without_static_rows_the_grid_branch_is_sized_by_data(
    library: TensorRT, exported: Callable[[str], Path]
) -> None:
    built = network(library, exported("tiny"), ONE_SIZE.profile, rewrite=lambda _model: None)
    assert shapes(built)["GridFusion"] == [(-1, 144, 7, 7)]
    assert open_tensors(built)


def test_with_open_dimensions_only_they_are_open(library: TensorRT, exported: Callable[[str], Path]) -> None:
    built = network(library, exported("tiny"), SIZES.profile)
    assert shapes(built)["BatchedNms_1"] == [(-1, 100, 4), (-1, 100), (-1, 100)]
    assert shapes(built)["GridFusion"] == [(-1, 144, 7, 7)]


@pytest.mark.parametrize("recipe", ["fp16", "int8"])
def test_layers_read_the_precision_that_the_graph_asks_for(
    library: TensorRT, rewritten: Callable[[str], Path], recipe: str
) -> None:
    built = network(library, rewritten(recipe), ONE_SIZE.profile)
    weighted = [
        layer for layer in layers(built) if layer.type.name in {"CONVOLUTION", "DECONVOLUTION", "MATRIX_MULTIPLY"}
    ]
    found = [layer.get_input(0).dtype.name for layer in weighted]
    assert {name: found.count(name) for name in set(found)} == {"HALF": 42, "FLOAT": 10}
    features = {layer.name: layer.get_input(0).dtype.name for layer in layers(built) if layer.type.name == "PLUGIN_V3"}
    assert features["MultiLevelRoiAlign"] == features["GridFusion"] == "HALF"
    assert features["BatchedNms"] == "FLOAT"


# INT8 has FP16 within it, so its engine alone is built each time.
@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("recipe", [pytest.param("fp16", marks=pytest.mark.slow), "int8"])
def test_layers_are_built_in_the_precision_that_the_graph_asks_for(
    rewritten: Callable[[str], Path], tmp_path: Path, recipe: str
) -> None:
    manifest = engine_from_graph(load_graph(rewritten(recipe)), tmp_path / "tiny.engine", ONE_SIZE)

    assert manifest.precision["backbone"] == {recipe: 20}
    assert manifest.precision["rpn"]["fp32"] == 10
    assert sum(sum(stage.values()) for stage in manifest.precision.values()) == 52


@pytest.fixture(scope="module")
def engine(library: TensorRT, exported: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of `tiny` in FP32, with what the builder said of its layers beside it, in `layers`."""
    file = tmp_path_factory.mktemp("engine") / "tiny.engine"
    engine_from_graph(load_graph(exported("tiny")), file, replace(SIZES, compute_capabilities=((8, 9), (12, 0))))
    file.with_name("layers").write_text(library.log.layers)
    return file


def test_the_manifest_tells_what_is_in_the_engine(
    library: TensorRT, exported: Callable[[str], Path], engine: Path
) -> None:
    graph = exported("tiny")
    told = json.loads(engine.with_name("tiny.engine.json").read_text())
    assert told["engine"] == {"file": engine.name, "sha256": sha256_of(engine), "bytes": engine.stat().st_size}
    assert told["graph"]["sha256"] == sha256_of(graph)
    assert json.loads(told["graph"]["metadata"]["gridrt.input"])["size_divisor"] == 32
    assert told["runtime"]["name"] == "tensorrt-rtx"
    assert told["runtime"]["version"] == library.version
    assert any(name.startswith("tensorrt") for name in told["runtime"]["packages"])
    assert (told["gpu"], told["compute_capabilities"]) == (None, ["8.9", "12.0"])
    assert told["plugins"] == {"adapter": "python", "version": 1}
    assert told["profile"]["images"] == [[1, 32, 32, 3], [4, 256, 320, 3], [4, 320, 320, 3]]
    assert told["precision"]["backbone"] == {"fp32": 20}
    assert sorted(path.name for path in engine.parent.iterdir()) == ["layers", "tiny.engine", "tiny.engine.json"]


def test_a_downgrade_is_an_error_and_leaves_no_file(
    exported: Callable[[str], Path], engine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is in FP32 indeed; the plan says otherwise of one layer."""

    def asking_for_more(model: ModelProto) -> dict[str, Any]:
        return {**planned_precisions(model), "backbone.conv1/Conv": "fp16"}

    monkeypatch.setattr(build, "planned_precisions", asking_for_more)
    monkeypatch.setattr(build, "serialized", lambda *_arguments: engine.read_bytes())
    monkeypatch.setattr(build, "layers_of", lambda *_arguments: engine.with_name("layers").read_text())
    with pytest.raises(EngineError) as caught:
        engine_from_graph(load_graph(exported("tiny")), tmp_path / "tiny.engine", ONE_SIZE)
    assert caught.value.place == "backbone.conv1/Conv"
    assert str(caught.value.value).startswith("fp32 instead of fp16; 1 ")
    assert str(caught.value.value).endswith(" 52")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("library")
def test_a_rebuild_has_the_same_hash_of_what_it_follows_from_and_other_options_have_another(
    exported: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engines' own bytes may differ between builds; that they do is stood in for."""
    plans = iter((b"one", b"other", b"third"))
    monkeypatch.setattr(build, "serialized", lambda *_arguments: next(plans))
    monkeypatch.setattr(build, "layers_of", lambda *_arguments: "")
    graph = load_graph(exported("tiny"))
    with pytest.warns(UserWarning, match="does not report"):
        one, other, third = (
            engine_from_graph(graph, tmp_path / "tiny.engine", options)
            for options in (ONE_SIZE, ONE_SIZE, replace(ONE_SIZE, refit=True))
        )
    assert one.engine["sha256"] != other.engine["sha256"]
    assert one.build_sha256 == other.build_sha256 != third.build_sha256


def test_layers_are_those_of_the_inspector_where_the_engine_opens_and_else_of_the_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = TensorRT("tensorrt", fake_tensorrt(), MessageLog(layers="by the log"))
    monkeypatch.setattr(build, "find_gpus", lambda: ["a GPU"])
    assert "Metadata: [ONNX Layer: backbone.conv1/Conv]" in build.layers_of(fake, b"engine")
    assert build.layers_of(fake, b"for another GPU") == "by the log"
    assert fake.log.errors == []
    monkeypatch.setattr(build, "find_gpus", list)
    assert build.layers_of(fake, b"engine") == "by the log"


@pytest.mark.usefixtures("library")
def test_layers_that_are_not_told_are_warned_of(
    exported: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "serialized", lambda *_arguments: b"built without a word")
    with pytest.warns(UserWarning, match="precision of 52 of 52"):
        engine_from_graph(load_graph(exported("tiny")), tmp_path / "tiny.engine", ONE_SIZE)


@pytest.mark.usefixtures("library")
def test_too_little_memory_is_an_error_with_tensorrts_words(exported: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        engine_from_graph(load_graph(exported("tiny")), tmp_path / "tiny.engine", replace(ONE_SIZE, workspace_mib=1))
    assert caught.value.place == "tensorrt-rtx"
    assert "OutOfMemory" in str(caught.value.value)


def test_what_tensorrt_cannot_read_is_an_error_with_its_words(
    library: TensorRT, exported: Callable[[str], Path]
) -> None:
    model = onnx.load(exported("tiny"))
    broken = next(node for node in model.graph.node if node.op_type == "Conv")
    broken.op_type = "Unheard"
    with pytest.raises(EngineError, match="Plugin") as caught:
        network_from_graph(library, model)
    assert str(caught.value.value).startswith(f"{broken.name}: ")


@pytest.mark.usefixtures("library")
def test_what_no_kernel_takes_is_an_error_before_tensorrt_reads_it(
    exported: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = onnx.load(exported("tiny"))
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "max_output":
                attribute.i = 6000
    onnx.save(model, tmp_path / "wide.onnx")
    monkeypatch.setattr(build, "network_from_graph", None)
    with pytest.raises(EngineError) as caught:
        engine_from_graph(load_graph(tmp_path / "wide.onnx"), tmp_path / "wide.engine", ONE_SIZE)
    assert (caught.value.place, caught.value.value) == ("BatchedNms", 6000)
    assert all(word in caught.value.rule for word in ("max_output", "5120"))


def test_an_op_that_no_plugin_is_found_for_is_an_error(library: TensorRT, exported: Callable[[str], Path]) -> None:
    """TensorRT would take the body of the op, if it can."""
    model = onnx.load(exported("tiny"))
    static_rows(model)
    fusion = next(node for node in model.graph.node if node.op_type == "GridFusion")
    namespace = next(attribute for attribute in fusion.attribute if attribute.name == "plugin_namespace")
    namespace.s = b"elsewhere"
    with pytest.raises(EngineError, match="plugin") as caught:
        network_from_graph(library, model)
    assert caught.value.place == "GridFusion"


@pytest.mark.usefixtures("library")
def test_a_graph_for_a_cpu_is_refused(rewritten: Callable[..., Path], tmp_path: Path) -> None:
    graph = rewritten("int8", "cpu")
    with pytest.raises(EngineError, match=r"tensorrt, .* cpu") as caught:
        engine_from_graph(load_graph(graph), tmp_path / "tiny.engine", ONE_SIZE)
    assert caught.value.place == graph
