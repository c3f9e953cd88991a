"""The exported file keeps the graph's contract, and says what it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx.utils
import onnxruntime as ort
import pytest
from onnx import ModelProto

from gridrt.classes import COCO_CLASSES
from gridrt.plugins.batched_nms.contract import BATCHED_NMS
from gridrt.plugins.contract import DOMAIN, Contract
from gridrt.plugins.grid_fusion.contract import GRID_FUSION
from gridrt.plugins.multi_level_roi_align.contract import MULTI_LEVEL_ROI_ALIGN

CONTRACTS = {contract.name: contract for contract in (BATCHED_NMS, GRID_FUSION, MULTI_LEVEL_ROI_ALIGN)}


@pytest.fixture(scope="module")
def graph(exported: Callable[[str], Path]) -> ModelProto:
    return onnx.load(exported("tiny"))


def signature(values: list[onnx.ValueInfoProto]) -> dict[str, tuple[int, list[str | int]]]:
    return {
        value.name: (
            value.type.tensor_type.elem_type,
            [dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim],
        )
        for value in values
    }


def test_inputs_and_outputs_are_those_of_the_contract(graph: ModelProto) -> None:
    uint8, int32, float32 = onnx.TensorProto.UINT8, onnx.TensorProto.INT32, onnx.TensorProto.FLOAT
    assert signature(list(graph.graph.input)) == {
        "images": (uint8, ["batch", "height", "width", 3]),
        "image_sizes": (int32, ["batch", 2]),
    }
    assert signature(list(graph.graph.output)) == {
        "boxes": (float32, ["batch", 100, 4]),
        "scores": (float32, ["batch", 100]),
        "labels": (int32, ["batch", 100]),
    }


def test_opset_is_20_in_the_oldest_ir_that_has_it_and_the_checker_is_content(graph: ModelProto) -> None:
    assert {opset.domain: opset.version for opset in graph.opset_import} == {"": 20, DOMAIN: 1}
    assert graph.ir_version == 9
    onnx.checker.check_model(graph, full_check=True)


def test_onnx_s_own_tool_cuts_out_a_part_that_runs(exported: Callable[[str], Path], tmp_path: Path) -> None:
    (pool,) = (node for node in onnx.load(exported("tiny")).graph.node if node.name == "backbone/MaxPool")

    onnx.utils.extract_model(exported("tiny"), tmp_path / "stem.onnx", ["images", "image_sizes"], [pool.output[0]])

    session = ort.InferenceSession(tmp_path / "stem.onnx", providers=["CPUExecutionProvider"])
    sizes = np.array([[64, 96]], np.int32)
    (features,) = session.run(None, {"images": np.zeros((1, 64, 96, 3), np.uint8), "image_sizes": sizes})
    assert features.shape[2:] == (16, 24)


def test_custom_ops_stand_as_nodes_with_their_plugin_namespace(graph: ModelProto) -> None:
    nodes = [node for node in graph.graph.node if node.domain == DOMAIN]
    assert sorted(node.op_type for node in nodes) == [
        "BatchedNms", "BatchedNms", "GridFusion", "MultiLevelRoiAlign", "MultiLevelRoiAlign",
    ]  # fmt: skip
    for node in nodes:
        contract = CONTRACTS[node.op_type]
        attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
        assert set(attributes) == {*contract.attributes, "plugin_namespace"}
        assert attributes["plugin_namespace"] == DOMAIN.encode()
        assert (len(node.input), len(node.output)) == (len(contract.inputs), len(contract.outputs))


@pytest.mark.parametrize("contract", CONTRACTS.values(), ids=CONTRACTS)
def test_custom_ops_carry_a_body_of_standard_ops(graph: ModelProto, contract: Contract) -> None:
    (body,) = (function for function in graph.functions if (function.domain, function.name) == (DOMAIN, contract.name))
    assert (tuple(body.input), tuple(body.output)) == (contract.inputs, contract.outputs)
    assert {node.domain for node in body.node} == {""}


def test_nodes_and_weights_are_named_after_their_modules(graph: ModelProto) -> None:
    names = [node.name for node in graph.graph.node]
    assert len(set(names)) == len(names)
    assert {"backbone.conv1/Conv", "neck.fpn_convs.0.conv/Conv", "rpn_head.rpn_conv/Conv"} <= set(names)
    assert {"roi_head.grid_head.deconv2/ConvTranspose", "roi_head.bbox_head.fc_cls/Gemm"} <= set(names)
    weights = {tensor.name for tensor in graph.graph.initializer}
    assert {"roi_head.bbox_head.fc_cls.weight", "roi_head.grid_head.convs.0.conv.weight"} <= weights


def test_shared_layers_are_named_apart(graph: ModelProto) -> None:
    """The proposal network runs on five levels with one set of weights."""
    names = {node.name for node in graph.graph.node}
    assert {"rpn_head.rpn_cls/Conv", *(f"rpn_head.rpn_cls/Conv_{level}" for level in range(1, 5))} <= names


def test_nothing_of_the_machine_that_traced_it_is_left(graph: ModelProto) -> None:
    content = graph.SerializeToString()
    for trace in (b"site-packages", b"stack_trace", b".py\x00", str(Path(__file__).parents[2]).encode()):
        assert trace not in content


def test_it_tells_variant_classes_parent_and_input_rule(graph: ModelProto) -> None:
    metadata = {entry.key: entry.value for entry in graph.metadata_props}
    assert metadata["gridrt.variant"] == "tiny"
    assert tuple(json.loads(metadata["gridrt.classes"])) == COCO_CLASSES
    assert metadata["gridrt.parent_sha256"] == "0" * 64
    assert len(metadata["gridrt.weights_sha256"]) == 64
    assert metadata["gridrt.max_detections"] == "100"
    rule = json.loads(metadata["gridrt.input"])
    assert (rule["layout"], rule["color"], rule["size_divisor"]) == ("NHWC", "RGB", 32)
    assert "scale" not in rule  # untrained weights know none
    assert {"gridrt.version", "gridrt.torch_version"} <= set(metadata)
