"""Ways to break a graph of `tiny_synthetic` so that it still opens and detects; comparisons must find them.

Each takes a graph that `gridrt export` wrote, leaves it as it is, and returns the broken copy.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

import numpy as np
import onnx.helper
import onnx.numpy_helper
from onnx import ModelProto, NodeProto, TensorProto

from gridrt.config import PixelConfig
from gridrt.graph.metadata import CLASSES_KEY, metadata_of
from gridrt.graph.wiring import replace_nodes, wiring_of
from gridrt.types import Float32Array


def wrong_mean(model: ModelProto) -> ModelProto:
    """Pixels are standardised by the mean of pixels in 0..1: almost nothing is subtracted."""
    return _with_weight(model, "normalize.mean", lambda mean: mean / np.float32(255))


def swapped_channels(model: ModelProto) -> ModelProto:
    """Pixels are read as BGR."""
    swap = onnx.helper.make_node("Gather", ["images", "bgr"], ["images/bgr"], "swap", axis=3)
    copy = _with_nodes_before(model, ["images"], "images/bgr", [swap])
    copy.graph.initializer.append(onnx.numpy_helper.from_array(np.array([2, 1, 0]), "bgr"))
    return copy


def caffe_weights_alone(model: ModelProto) -> ModelProto:
    """Weights for pixels in BGR that no standard deviation divides, which the graph still gives in RGB and divided."""
    std = np.array(PixelConfig.std, np.float32).reshape(1, 3, 1, 1)
    return _with_weight(model, "backbone.conv1.weight", lambda weight: np.ascontiguousarray((weight / std)[:, ::-1]))


def half_coordinates(model: ModelProto) -> ModelProto:
    """Proposals and final boxes are rounded to FP16: by up to 0.06 pixels at 128, and 0.5 beyond 1024."""
    boxes = str(next(node for node in model.graph.node if node.op_type == "BatchedNms").input[0])
    copy = _with_nodes_before(model, [boxes], f"{boxes}/float", _rounded_to_half(boxes, f"{boxes}/float"))
    final = copy.graph.output[0].name
    producer = next(node for node in copy.graph.node if final in node.output)
    producer.output[list(producer.output).index(final)] = f"{final}/exact"
    copy.graph.node.extend(_rounded_to_half(f"{final}/exact", final))
    return copy


def _rounded_to_half(source: str, target: str) -> list[NodeProto]:
    half = f"{source}/half"
    return [
        onnx.helper.make_node("Cast", [source], [half], f"{half}/Cast", to=TensorProto.FLOAT16),
        onnx.helper.make_node("Cast", [half], [target], f"{target}/Cast", to=TensorProto.FLOAT),
    ]


def shuffled_classes(model: ModelProto) -> ModelProto:
    """The classifier's rows are shifted by one class; the background stays the last."""
    copy = _with_weight(model, "roi_head.bbox_head.fc_cls.weight", _next_class)
    return _with_weight(copy, "roi_head.bbox_head.fc_cls.bias", _next_class)


def shuffled_names(model: ModelProto) -> ModelProto:
    """The metadata name the classes in reverse."""
    copy = _copied(model)
    names = json.loads(metadata_of(model)[CLASSES_KEY])
    onnx.helper.set_model_props(copy, metadata_of(model) | {CLASSES_KEY: json.dumps(names[::-1])})
    return copy


def overflowing(model: ModelProto, weight: str) -> ModelProto:
    """A weight is finite, and so large that sums of its products are not."""
    return _with_weight(model, weight, lambda values: values / np.abs(values).max() * np.finfo(np.float32).max)


def nan_boxes(model: ModelProto) -> ModelProto:
    """The final boxes are roots of negative numbers."""
    copy = _copied(model)
    final = copy.graph.output[0].name
    producer = next(node for node in copy.graph.node if final in node.output)
    producer.output[list(producer.output).index(final)] = f"{final}/exact"
    copy.graph.node.append(onnx.helper.make_node("Neg", [f"{final}/exact"], [f"{final}/negative"], "negative"))
    copy.graph.node.append(onnx.helper.make_node("Sqrt", [f"{final}/negative"], [final], "root"))
    return copy


def nan_scores(model: ModelProto) -> ModelProto:
    """The class scores are roots of negative numbers, so that suppression drops all rows and no number is left."""
    scores = str([node for node in model.graph.node if node.op_type == "BatchedNms"][1].input[1])
    root = f"{scores}/root"
    nodes = [
        onnx.helper.make_node("Neg", [scores], [f"{scores}/negative"], "negative"),
        onnx.helper.make_node("Sqrt", [f"{scores}/negative"], [root], "root"),
    ]
    return _with_nodes_before(model, [scores], root, nodes)


def _next_class(rows: Float32Array) -> Float32Array:
    return np.concatenate((np.roll(rows[:-1], 1, axis=0), rows[-1:]))


def _copied(model: ModelProto) -> ModelProto:
    copy = ModelProto()
    copy.CopyFrom(model)
    return copy


def _with_weight(model: ModelProto, name: str, change: Callable[[Float32Array], Float32Array]) -> ModelProto:
    copy = _copied(model)
    weight = wiring_of(copy.graph).weights[name]
    weight.CopyFrom(onnx.numpy_helper.from_array(change(onnx.numpy_helper.to_array(weight)), name))
    return copy


def _with_nodes_before(model: ModelProto, read: Iterable[str], instead: str, nodes: Iterable[NodeProto]) -> ModelProto:
    """Consumers of the tensors `read` get `instead`, which `nodes` produce from them."""
    copy = _copied(model)
    added = list(nodes)
    wiring = wiring_of(copy.graph)
    edges = [edge for tensor in read for edge in wiring.consumers[tensor]]
    for edge in edges:
        wiring.nodes[edge.node].input[edge.slot] = instead
    first = min(list(wiring.nodes).index(edge.node) for edge in edges)
    kept = list(copy.graph.node)
    replace_nodes(copy.graph, [*kept[:first], *added, *kept[first:]])
    return copy
