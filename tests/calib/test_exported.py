"""What TensorRT and ONNX Runtime rely on, in the files made of an exported detector."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto

from gridrt.calib.affine import Range
from gridrt.calib.fidelity import cpu_detector, detect_in, fidelity
from gridrt.calib.observe import observable_session, observe
from gridrt.calib.plan import plan_from_recipe
from gridrt.calib.range_methods import METHODS, ranges_of
from gridrt.calib.recipe import load_recipe, shipped_recipes
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.data.transform import Transform
from gridrt.graph.graph import Graph, load_graph
from gridrt.types import UInt8Array
from tests.calib.graphs import Array, maker_of, node_of, optimized, readers_of, run, types_of, weights_of
from tests.conftest import PHOTOS

SCALE = (160, 128)
FLOAT, HALF, INT8, UINT8, INT32 = (
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.INT8,
    TensorProto.UINT8,
    TensorProto.INT32,
)
QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
MODULES = ("backbone", "neck", "rpn_head", "roi_head", "MultiLevelRoiAlign", "GridFusion")
IN_INT8 = (
    "backbone.",
    "neck.",
    "rpn_head.rpn_conv",
    "roi_head.bbox_head.shared_fcs",
    "roi_head.grid_head.convs",
)  # modules whose layers the recipe `int8` plans so

Rewritten = Callable[[str, str], ModelProto]


@pytest.fixture(scope="module")
def model(exported: Callable[[str], Path]) -> ModelProto:
    return onnx.load(exported("tiny"))


@pytest.fixture(scope="module")
def ranges(exported: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Range]:
    pictures = [PHOTOS / "coffee_crop.png", PHOTOS / "astronaut_crop.png"]
    graph = load_graph(exported("tiny"))
    session = observable_session(graph, threads=1)
    observers = observe(graph, session, pictures, SCALE, tmp_path_factory.mktemp("cache") / "c.npz").observers
    return ranges_of(observers, METHODS["mse"])


@pytest.fixture(scope="module")
def rewritten(model: ModelProto, ranges: dict[str, Range]) -> Rewritten:
    return cache(lambda recipe, target: apply_recipe(model, load_recipe(recipe), TARGETS[target], ranges))


@pytest.fixture(scope="module")
def feeds(photo: Callable[[str], UInt8Array]) -> dict[str, Array]:
    batch = Transform(SCALE)([photo("coffee_crop")])
    return {"images": batch.images, "image_sizes": batch.image_sizes}


def layers(model: ModelProto) -> list[NodeProto]:
    """Convolutions and matrix products that the recipe `int8` plans so."""
    return [node for node in model.graph.node if node.op_type in ("Conv", "Gemm") and node.name.startswith(IN_INT8)]


every_file = pytest.mark.parametrize(
    ("recipe", "target"), [(recipe, target) for recipe in ("fp16", "int8", "mixed") for target in TARGETS]
)


@every_file
def test_the_graph_is_sound_and_its_contract_is_kept(
    model: ModelProto, rewritten: Rewritten, recipe: str, target: str
) -> None:
    graph = rewritten(recipe, target)

    onnx.checker.check_model(graph, full_check=True)
    assert list(graph.graph.input) == list(model.graph.input)
    assert list(graph.graph.output) == list(model.graph.output)
    names = [node.name for node in graph.graph.node]
    assert len(set(names)) == len(names)
    read = {name for node in graph.graph.node for name in node.input}
    assert {tensor.name for tensor in graph.graph.initializer} <= read


@every_file
def test_plugins_find_their_nodes_and_other_runtimes_their_bodies(
    model: ModelProto, rewritten: Rewritten, recipe: str, target: str
) -> None:
    def custom(graph: ModelProto) -> list[tuple[str, list[onnx.AttributeProto]]]:
        return [(node.op_type, list(node.attribute)) for node in graph.graph.node if node.domain == "gridrt"]

    assert list(rewritten(recipe, target).functions) == list(model.functions)
    assert custom(rewritten(recipe, target)) == custom(model)


@pytest.mark.parametrize("recipe", ["fp16", "int8", "mixed"])
def test_coordinates_regions_scores_and_decode_are_in_float(rewritten: Rewritten, recipe: str) -> None:
    graph = rewritten(recipe, "tensorrt")
    types = types_of(graph)

    for node in graph.graph.node:
        kinds = {types[name] for name in (*node.input, *node.output) if name}
        if not node.name.startswith(MODULES) and node.op_type not in ("Cast", "Shape", QUANTIZE, DEQUANTIZE):
            assert HALF not in kinds, node.name
        if node.op_type in ("TopK", "Exp", "Sigmoid", "Softmax", "BatchedNms", "GatherND", "ArgMax"):
            assert FLOAT in kinds, node.name
            assert HALF not in kinds, node.name
        if node.name.startswith(("rpn_head.rpn_cls", "rpn_head.rpn_reg")) and node.op_type == "Conv":
            assert kinds == {FLOAT}, node.name


@pytest.mark.parametrize("recipe", ["fp16", "int8", "mixed"])
def test_features_are_pooled_in_half_at_regions_in_float(rewritten: Rewritten, recipe: str) -> None:
    graph = rewritten(recipe, "tensorrt")
    types = types_of(graph)

    pools = [node for node in graph.graph.node if node.op_type == "MultiLevelRoiAlign"]
    assert len(pools) == 2
    for pool in pools:
        assert [types[name] for name in (*pool.input, *pool.output)] == [HALF] * 4 + [FLOAT, HALF]
    (fusion,) = (node for node in graph.graph.node if node.op_type == "GridFusion")
    assert {types[name] for name in (*fusion.input, *fusion.output)} == {HALF}


@pytest.mark.parametrize(("recipe", "least", "most"), [("fp16", 0.5, 0.52), ("mixed", 0.25, 0.4), ("int8", 0.25, 0.3)])
def test_the_file_is_as_small_as_its_precision(
    model: ModelProto, rewritten: Rewritten, recipe: str, least: float, most: float
) -> None:
    share = rewritten(recipe, "tensorrt").ByteSize() / model.ByteSize()

    assert least < share < most


def test_in_fp16_nearly_all_detections_are_kept(
    model: ModelProto, rewritten: Rewritten, photo: Callable[[str], UInt8Array]
) -> None:
    """Also with every rounding of a GPU."""
    images = [photo("coffee_crop"), photo("astronaut_crop")]
    before, after = (
        cpu_detector(Graph(each, Path("tiny.onnx")), SCALE, threads=1)
        for each in (model, rewritten("fp16", "tensorrt"))
    )

    found = fidelity(detect_in(before, images), detect_in(after, images))

    assert found.detections == 200
    assert found.missing <= 10
    assert np.median(found.box_errors) < 0.5
    assert np.median(found.score_errors) < 0.005


@pytest.mark.parametrize("target", TARGETS)
def test_in_int8_features_are_near_those_in_fp32(
    model: ModelProto, rewritten: Rewritten, feeds: dict[str, Array], target: str
) -> None:
    """Detections of weights that were never trained hang on the last digit; test_accuracy.py has trained ones."""
    levels = list(node_of(model, "MultiLevelRoiAlign").input[:4])

    before = run(model, feeds, *levels)
    after = run(rewritten("int8", target), feeds, *levels, optimized=False)  # fused, x86 without VNNI saturates sums

    for expected, found in zip(before, after, strict=True):
        error = np.sqrt(((found.astype(np.float32) - expected) ** 2).mean() / (expected**2).mean())
        # About 20 layers in a row round features and weights to steps of 1/127 of the largest, 0.01 of the RMS each
        # (largest = 4 RMS, step / sqrt(12)): sqrt(40) * 0.01 = 0.06 is expected, 0.15 leaves room for longer tails.
        assert 0.001 < error < 0.15


@pytest.mark.parametrize("recipe", ["int8", "mixed"])
def test_for_tensorrt_integers_are_symmetric_int8_with_a_scale_in_half(rewritten: Rewritten, recipe: str) -> None:
    graph = rewritten(recipe, "tensorrt")
    types, weights = types_of(graph), weights_of(graph)

    for node in graph.graph.node:
        if node.op_type in (QUANTIZE, DEQUANTIZE):
            source, scale, zero_point = node.input
            assert not weights[zero_point].any()
            assert weights[zero_point].dtype == np.int8
            assert weights[scale].dtype == np.float16
            assert (weights[scale] > 0).all()
            kinds = (types[source], types[node.output[0]])
            assert kinds == ((HALF, INT8) if node.op_type == QUANTIZE else (INT8, HALF))


@pytest.mark.parametrize("recipe", ["int8", "mixed"])
def test_for_tensorrt_every_pair_is_one_that_a_layer_fuses(rewritten: Rewritten, recipe: str) -> None:
    """Before a convolution or product, in its weight, or before the skip input of a residual; nothing else, no bias."""
    graph = rewritten(recipe, "tensorrt")
    weights = weights_of(graph)

    for node in graph.graph.node:
        if node.op_type == QUANTIZE:
            (reader,) = readers_of(graph, node.output[0])
            assert node_of(graph, reader[0]).op_type == DEQUANTIZE
        if node.op_type == DEQUANTIZE:
            readers = [(node_of(graph, name), slot) for name, slot in readers_of(graph, node.output[0])]
            assert readers
            for reading, slot in readers:
                is_weight = node.input[0] in weights
                assert reading.op_type in ("Conv", "Gemm", "Add")
                assert slot == int(is_weight) or reading.op_type == "Add"
                if reading.op_type == "Add":
                    (after,) = readers_of(graph, reading.output[0])
                    assert node_of(graph, after[0]).op_type == "Relu"
                    assert not is_weight


def test_for_tensorrt_every_planned_layer_reads_int8_activations_and_weights(rewritten: Rewritten) -> None:
    graph = rewritten("int8", "tensorrt")
    types, weights = types_of(graph), weights_of(graph)

    assert len(layers(graph)) == 39
    for node in layers(graph):
        activation, weight = (maker_of(graph, name) for name in node.input[:2])
        assert (activation.op_type, weight.op_type) == (DEQUANTIZE, DEQUANTIZE)
        integers, scales = weights[weight.input[0]], weights[weight.input[1]]
        assert integers.dtype == np.int8
        assert scales.shape == (integers.shape[0],)
        assert [attribute.i for attribute in weight.attribute if attribute.name == "axis"] == [0]
        assert [types[name] for name in (*node.input[2:], *node.output)] == [HALF] * (len(node.input) - 1)
    others = [node for node in graph.graph.node if node.op_type in ("Conv", "Gemm", "ConvTranspose")]
    for node in others:
        if not node.name.startswith(IN_INT8):
            assert all(maker.op_type != DEQUANTIZE for maker in makers(graph, node))


def makers(graph: ModelProto, node: NodeProto) -> list[NodeProto]:
    return [each for each in graph.graph.node if set(each.output) & set(node.input)]


@pytest.mark.parametrize("target", TARGETS)
def test_no_pair_reads_what_another_pair_gives(rewritten: Rewritten, target: str) -> None:
    """ONNX Runtime merges two such pairs into one, so that the file would not mean the same in every runtime."""
    nodes = rewritten("int8", target).graph.node
    dequantized = {node.output[0] for node in nodes if node.op_type == DEQUANTIZE}

    assert dequantized
    assert not [node.name for node in nodes if node.op_type == QUANTIZE and node.input[0] in dequantized]


@pytest.mark.parametrize("target", TARGETS)
def test_weights_are_stored_once_as_int8(model: ModelProto, rewritten: Rewritten, target: str) -> None:
    stored = weights_of(rewritten("int8", target))

    for name in {node.input[1] for node in layers(model)}:
        kinds = {key: values.dtype.name for key, values in stored.items() if key.split("/")[0] == name}
        scale = f"{name}/scale/fp16" if target == "tensorrt" else f"{name}/scale"
        assert set(kinds) == {f"{name}/int8", scale, f"{name}/zero_point"}
        assert kinds[f"{name}/int8"] == "int8"
        back = stored[f"{name}/int8"].T * stored[scale].astype(np.float32)
        weight = weights_of(model)[name]
        step = stored[scale].astype(np.float32)
        assert (np.abs(back.T - weight).reshape(len(weight), -1).max(1) <= 0.51 * step + 1e-7).all()


@pytest.fixture(scope="module")
def fused(rewritten: Rewritten) -> ModelProto:
    return optimized(rewritten("int8", "cpu"))


def test_on_a_cpu_every_planned_layer_is_fused_into_integer_arithmetic(model: ModelProto, fused: ModelProto) -> None:
    planned = {node.name: node.op_type for node in layers(model)}
    assert sorted(set(planned.values())) == ["Conv", "Gemm"]

    kinds = {node.name: node.op_type for node in fused.graph.node}

    integer = {"Conv": "QLinearConv", "Gemm": "QGemm"}
    assert {name: kinds[name] for name in planned} == {name: integer[kind] for name, kind in planned.items()}


def test_on_a_cpu_other_layers_stay_in_float(fused: ModelProto) -> None:
    kinds = {node.name: node.op_type for node in fused.graph.node}

    assert {kinds[f"rpn_head.rpn_{kind}/Conv"] for kind in ("cls", "reg")} == {"Conv"}
    assert kinds["roi_head.bbox_head.fc_cls/Gemm"] == "Gemm"
    assert kinds["roi_head.grid_head.deconv1/ConvTranspose"] == "ConvTranspose"


def test_for_a_cpu_activations_are_uint8_and_biases_int32(rewritten: Rewritten) -> None:
    graph = rewritten("int8", "cpu")
    types = types_of(graph)

    assert {types[node.output[0]] for node in graph.graph.node if node.op_type == QUANTIZE} == {UINT8}
    biases = [maker_of(graph, node.input[2]).input[0] for node in layers(graph) if len(node.input) > 2]
    assert len(biases) > 10
    assert {types[name] for name in biases} == {INT32}
    assert HALF not in types.values()


@pytest.mark.parametrize("recipe", shipped_recipes())
def test_every_rule_of_a_shipped_recipe_decides_about_some_node(model: ModelProto, recipe: str) -> None:
    loaded = load_recipe(recipe)

    deciding = plan_from_recipe(model.graph, loaded).rules.values()

    assert [rule for rule in loaded.rules if rule not in deciding] == []
