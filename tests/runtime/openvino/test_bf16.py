from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto

from gridrt.errors import DependencyError, GraphError
from gridrt.graph.graph import Graph, load_graph
from gridrt.graph.wiring import element_types
from gridrt.runtime import open_session
from gridrt.runtime.backend import Session
from gridrt.runtime.openvino.bf16 import bf16_graph
from gridrt.runtime.openvino.bf16_backend import BACKEND
from gridrt.runtime.openvino.compile import core
from gridrt.runtime.openvino.session import OpenVinoSession

HAS_BF16 = "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
IMAGES = np.random.default_rng(0).integers(0, 255, (1, 64, 96, 3), np.uint8)
SIZES = np.array([[60, 90]], np.int32)
FLOAT, BFLOAT16 = TensorProto.FLOAT, TensorProto.BFLOAT16


@pytest.fixture(scope="module")
def graph(exported: Callable[[str], Path]) -> Graph:
    return load_graph(exported("tiny"))


@pytest.fixture(scope="module")
def typed(graph: Graph) -> Graph:
    return bf16_graph(graph)


def test_features_are_bf16_and_all_that_carries_pixels_or_ranks_boxes_is_fp32(graph: Graph, typed: Graph) -> None:
    types = element_types(typed.model)
    nodes = {node.name: node for node in typed.model.graph.node}

    weighted = [node for node in nodes.values() if node.op_type in ("Conv", "ConvTranspose", "Gemm")]
    assert {node.name.split("/")[0] for node in weighted if types[node.output[0]] == FLOAT} == {
        "rpn_head.rpn_cls",
        "rpn_head.rpn_reg",
    }
    pools = [node for node in nodes.values() if node.op_type == "MultiLevelRoiAlign"]
    assert [[types[name] for name in node.input] for node in pools] == [[BFLOAT16] * 4 + [FLOAT]] * 2
    for node in (node for node in nodes.values() if node.op_type == "BatchedNms"):
        assert [types[name] for name in node.input[:2]] == [FLOAT, FLOAT]
    assert list(typed.model.graph.output) == list(graph.model.graph.output)


def test_weights_are_rounded_as_torch_rounds_them(graph: Graph, typed: Graph) -> None:
    name = "backbone.conv1.weight"
    exact, rounded = (
        next(onnx.numpy_helper.to_array(each) for each in model.graph.initializer if each.name.startswith(name))
        for model in (graph.model, typed.model)
    )

    np.testing.assert_array_equal(rounded.astype(np.float32), torch.tensor(exact).bfloat16().float().numpy())


def test_the_file_in_memory_is_left_as_it_is(graph: Graph) -> None:
    before = graph.model.SerializeToString()

    bf16_graph(graph)

    assert graph.model.SerializeToString() == before


def test_a_graph_in_another_precision_is_refused(written: Callable[[str, str], Path]) -> None:
    file = written("fp16", "tensorrt")

    with pytest.raises(GraphError, match="must be in FP32") as refused:
        bf16_graph(load_graph(file))
    assert (refused.value.place, refused.value.value) == (file, "fp16")


@pytest.mark.skipif(HAS_BF16, reason="the processor has BF16")
def test_a_processor_without_bf16_is_refused_and_told(exported: Callable[[str], Path]) -> None:
    with pytest.raises(DependencyError, match="has no BF16"):
        open_session(exported("tiny"), backend="openvino_bf16")
    (there,) = BACKEND.probe()
    assert "AVX512_BF16" in there.problem


@pytest.mark.skipif(HAS_BF16, reason="the processor has BF16")
def test_layers_that_are_compiled_in_fp32_all_the_same_are_refused(typed: Graph) -> None:
    with pytest.raises(GraphError, match="must run in BF16") as refused:
        OpenVinoSession(typed, 1)
    assert str(refused.value.value).startswith("backbone.layer1")
    assert str(refused.value.value).endswith("in f32")


@pytest.mark.skipif(not HAS_BF16, reason="not shown here: needs AVX512_BF16 or AMX")
def test_a_processor_with_bf16_runs_it(exported: Callable[[str], Path]) -> None:
    sessions: list[Session] = [open_session(exported("tiny"), backend=each) for each in ("openvino", "openvino_bf16")]

    exact, half = (session.run(IMAGES, SIZES) for session in sessions)

    assert [session.info.precision for session in sessions] == ["fp32", "bf16"]
    assert (half.labels >= 0).any()
    assert abs(int((half.labels >= 0).sum()) - int((exact.labels >= 0).sum())) <= 20
