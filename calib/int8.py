"""INT8 by Q/DQ: activations and weights of planned nodes pass through eight-bit integers.

relu -> Conv            becomes   relu -> QuantizeLinear -> DequantizeLinear -> Conv
Conv.weight (float)     becomes   Conv.weight (int8) -> DequantizeLinear
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx.helper
import onnx.numpy_helper
from onnx import GraphProto, ModelProto, NodeProto

from gridrt.calib.affine import Range, quantized_weight
from gridrt.calib.targets import Target
from gridrt.calib.targets.quantization import ACTIVATION, BIAS, WEIGHT, channel_axis, weighted_nodes
from gridrt.graph.wiring import Edge, drop_unused_weights, replace_nodes, wiring_of
from gridrt.types import Float32Array

Array: TypeAlias = npt.NDArray[Any]

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
BIAS_MOST = 2**30  # half of int32; the rest is for the products that are added


def to_int8(model: ModelProto, nodes: frozenset[str], ranges: Mapping[str, Range], target: Target) -> frozenset[str]:
    """Rewrite `model`, in place, so that `nodes` run in INT8 as far as they can.

    Args:
        model: in float32.
        nodes: names of the nodes planned in INT8.
        ranges: of every activation that `target` quantises.
        target: the runtime to write for.

    Returns:
        Names of the Q/DQ nodes, which read and write float32 here.
    """
    rewrite = _Rewrite(model.graph, nodes, ranges, target)
    replace_nodes(model.graph, list(rewrite))
    drop_unused_weights(model.graph)
    return frozenset(rewrite.added)


class _Rewrite:
    """The nodes of a graph with Q/DQ nodes between them; see `to_int8`."""

    def __init__(self, graph: GraphProto, nodes: frozenset[str], ranges: Mapping[str, Range], target: Target) -> None:
        self._graph, self._target = graph, target
        self._wiring = wiring_of(graph)
        quantized = target.quantized_edges(self._wiring, nodes)
        self._schemes = {tensor: target.scheme_of(tensor, self._wiring, ranges) for tensor in quantized}
        self._quantized_edges = {edge for edges in quantized.values() for edge in edges}
        weighted = weighted_nodes(self._wiring, nodes)
        weighted = [node for node in weighted if Edge(node.name, ACTIVATION) in self._quantized_edges]
        self._weighted = {node.name for node in weighted}
        self._least_scales = self._scales_for_biases(weighted)
        self._weight_scales: dict[str, Float32Array] = {}
        self._paired: set[str] = set()
        self.added: list[str] = []

    def __iter__(self) -> Iterator[NodeProto]:
        for node in list(self._graph.node):
            was = tuple(node.input)
            for slot, tensor in enumerate(was):
                if Edge(node.name, slot) in self._quantized_edges:
                    yield from self._activation(tensor)
                    node.input[slot] = f"{tensor}/dequantized"
            if node.name in self._weighted:
                yield from self._weight(node, was)
                if self._target.quantizes_bias and len(was) > BIAS:
                    yield from self._bias(node, was)
            yield node

    def _activation(self, tensor: str) -> Iterator[NodeProto]:
        """The Q/DQ pair that all consumers of a quantised tensor share."""
        if tensor not in self._paired:
            self._paired.add(tensor)
            scheme, integers = self._schemes[tensor], f"{tensor}/quantized"
            parameters = [
                self._store(f"{tensor}/scale", np.asarray(scheme.scale)),
                self._store(f"{tensor}/zero_point", np.asarray(scheme.zero_point)),
            ]
            yield self._node(QUANTIZE, [tensor, *parameters], integers)
            yield self._node(DEQUANTIZE, [integers, *parameters], f"{tensor}/dequantized")

    def _weight(self, node: NodeProto, was: Sequence[str]) -> Iterator[NodeProto]:
        """One integer weight; each node that reads it has its own DequantizeLinear, as runtimes fuse it."""
        name, axis = was[WEIGHT], channel_axis(node)
        # ONNX Runtime fuses a matrix product only if the zero points are stored, even if all are 0.
        parameters = [f"{name}/int8", f"{name}/scale", f"{name}/zero_point"]
        if name not in self._weight_scales:
            scale_type = np.float16 if self._target.has_half else np.float32
            least = self._least_scales.get(name, 0.0)
            integers, self._weight_scales[name] = quantized_weight(self._stored(name), axis, scale_type, least)
            zeros = np.zeros(integers.shape[axis], np.int8)
            stored: tuple[Array, ...] = (integers, self._weight_scales[name], zeros)
            for parameter, values in zip(parameters, stored, strict=True):
                self._store(parameter, values)
        node.input[WEIGHT] = f"{node.name}/weight"
        yield self._node(DEQUANTIZE, parameters, node.input[WEIGHT], axis=axis)

    def _scales_for_biases(self, weighted: Sequence[NodeProto]) -> dict[str, Float32Array]:
        """Lower bounds for the scales of each weight, so that the biases fit into int32.

        A channel with near-zero weights outputs only its bias.
        """
        least: dict[str, Float32Array] = {}
        for node in weighted:
            if self._target.quantizes_bias and len(node.input) > BIAS:
                name, unit = node.input[WEIGHT], self._schemes[node.input[ACTIVATION]].scale * BIAS_MOST
                least[name] = np.maximum(least.get(name, 0.0), np.abs(self._stored(node.input[BIAS])) / unit)
        return least

    def _bias(self, node: NodeProto, was: Sequence[str]) -> Iterator[NodeProto]:
        """The bias as int32, in units of the products that it is added to."""
        scales = self._schemes[was[ACTIVATION]].scale * self._weight_scales[was[WEIGHT]]
        integers = np.rint(self._stored(was[BIAS]) / scales.astype(np.float64)).astype(np.int32)
        node.input[BIAS] = f"{node.name}/bias"
        parameters = [self._store(f"{node.name}/bias_int32", integers), self._store(f"{node.name}/bias_scale", scales)]
        yield self._node(DEQUANTIZE, parameters, node.input[BIAS], axis=0)

    def _stored(self, name: str) -> Float32Array:
        return onnx.numpy_helper.to_array(self._wiring.weights[name])

    def _store(self, name: str, values: Array) -> str:
        self._graph.initializer.append(onnx.numpy_helper.from_array(values, name))
        return name

    def _node(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> NodeProto:  # noqa: ANN401 - ONNX's
        name = f"{output}/{op}"
        self.added.append(name)
        return onnx.helper.make_node(op, inputs, [output], name=name, **attributes)
