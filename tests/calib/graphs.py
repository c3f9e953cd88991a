"""Small graphs whose nodes are named as the exporter names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.helper
import onnx.numpy_helper
import onnx.parser
import onnx.shape_inference
import onnxruntime as ort
from onnx import FunctionProto, ModelProto, NodeProto, TensorProto

from gridrt.calib.affine import Range

Array = npt.NDArray[Any]

HEADER = '<ir_version: 10, opset_import: ["" : 20, "gridrt" : 1]>\n'

RESIDUAL = """
residual (float[N,4,H,W] x) => (float[N,3] scores)
{
    ["backbone.conv1/Conv"] stem = Conv <pads = [1, 1, 1, 1]> (x, stem_weight, stem_bias)
    ["backbone/Relu"] entered = Relu (stem)
    ["backbone.layer1.0.conv1/Conv"] main = Conv <pads = [1, 1, 1, 1]> (entered, main_weight, main_bias)
    ["backbone.layer1.0.downsample.0/Conv"] down = Conv (entered, down_weight, down_bias)
    ["backbone.layer1.0/Add"] joined = Add (main, down)
    ["backbone.layer1.0/Relu"] passed = Relu (joined)
    ["backbone.layer1.1.conv1/Conv"] next = Conv (passed, next_weight, next_bias)
    ["backbone.layer1.1/Add"] skipped = Add (next, passed)
    ["backbone.layer1.1/Relu"] features = Relu (skipped)
    ["backbone.pool/MaxPool"] pooled = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (features)
    ["neck.conv/Conv"] lateral = Conv (pooled, neck_weight, neck_bias)
    ["neck/ReduceMax"] vector = ReduceMax <keepdims = 0> (lateral, plane)
    ["roi_head.bbox_head.fc_cls/Gemm"] logits = Gemm <transB = 1> (vector, fc_weight, fc_bias)
    ["Sigmoid"] scores = Sigmoid (logits)
}
"""
"""Two residual blocks with batch norm folded away, one with a convolution on its skip path, and a head."""


def model_of(text: str, weights: Mapping[str, Array], functions: Sequence[FunctionProto] = ()) -> ModelProto:
    """A checked model: the text of a graph, the tensors that it stores, and bodies of custom ops."""
    model = onnx.parser.parse_model(HEADER + text)
    model.functions.extend(functions)
    for name, values in weights.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(values), name))
    onnx.checker.check_model(model)
    return model


def residual_model(seed: int = 0) -> ModelProto:
    """`RESIDUAL` with random weights."""
    generator = np.random.default_rng(seed)

    def weight(*shape: int) -> Array:
        values: Array = generator.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
        return values.astype(np.float32)

    weights = {
        "stem_weight": weight(8, 4, 3, 3),
        "main_weight": weight(8, 8, 3, 3),
        "down_weight": weight(8, 8, 1, 1),
        "next_weight": weight(8, 8, 1, 1),
        "neck_weight": weight(6, 8, 1, 1),
        "fc_weight": weight(3, 6),
        "plane": np.array([2, 3]),
    }
    biases = {f"{name}_bias": weight(count, 4)[:, 0] for name, count in BIASES.items()}
    return model_of(RESIDUAL, weights | biases)


BIASES = {"stem": 8, "main": 8, "down": 8, "next": 8, "neck": 6, "fc": 3}
ACTIVATIONS = ("x", "stem", "entered", "main", "down", "joined", "passed", "next", "skipped", "features", "pooled")


def random_input(seed: int = 0, size: int = 8, images: int = 2) -> Array:
    """An `x` for `RESIDUAL`."""
    return np.random.default_rng(seed).normal(size=(images, 4, size, size)).astype(np.float32)


def run(model: ModelProto, feeds: Mapping[str, Array], *outputs: str, optimized: bool = True) -> list[Array]:
    """What ONNX Runtime computes: the graph's outputs, or the tensors named.

    Args:
        model: a graph.
        feeds: its inputs.
        outputs: names of tensors in it; none stands for its outputs.
        optimized: whether nodes may be fused; a fused INT8 node overflows on processors without VNNI.
    """
    shown = ModelProto()
    shown.CopyFrom(model)
    given_out = {output.name for output in shown.graph.output}
    kinds = types_of(model)
    shown.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, kinds[name], None) for name in outputs if name not in given_out
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    if not optimized:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(shown.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(each) for each in session.run(list(outputs) or None, dict(feeds))]


def ranges_of_run(model: ModelProto, feeds: Mapping[str, Array]) -> dict[str, Range]:
    """Extremes of every float tensor, 0 included."""
    names = [name for node in model.graph.node for name in node.output if types_of(model)[name] == TensorProto.FLOAT]
    values = dict(zip(names, run(model, feeds, *names, optimized=False), strict=True)) | dict(feeds)
    return {name: Range(min(float(each.min()), 0.0), max(float(each.max()), 0.0)) for name, each in values.items()}


def optimized(model: ModelProto) -> ModelProto:
    """What ONNX Runtime makes of a graph for a CPU."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3
    with TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder, "optimized.onnx"))
        ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(options.optimized_model_filepath)


def types_of(model: ModelProto) -> dict[str, int]:
    """ONNX's type number of every tensor, by strict inference: a graph that contradicts itself fails."""
    graph = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True).graph
    values = (*graph.input, *graph.value_info, *graph.output)
    return {value.name: value.type.tensor_type.elem_type for value in values} | {
        tensor.name: tensor.data_type for tensor in graph.initializer
    }


def weights_of(model: ModelProto) -> dict[str, Array]:
    """The stored tensors."""
    return {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def node_of(model: ModelProto, name: str) -> NodeProto:
    """The one node of this name."""
    node: NodeProto
    (node,) = (each for each in model.graph.node if each.name == name)
    return node


def maker_of(model: ModelProto, tensor: str) -> NodeProto:
    """The one node that makes a tensor."""
    node: NodeProto
    (node,) = (each for each in model.graph.node if tensor in each.output)
    return node


def readers_of(model: ModelProto, tensor: str) -> set[tuple[str, int]]:
    """(node, slot) of all who read a tensor."""
    return {(node.name, slot) for node in model.graph.node for slot, name in enumerate(node.input) if name == tensor}


def is_half(model: ModelProto, tensor: str) -> bool:
    return types_of(model)[tensor] == TensorProto.FLOAT16
