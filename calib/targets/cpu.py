"""Q/DQ as ONNX Runtime fuses it on a CPU.

Activations are uint8, which processors multiply by int8 weights, and biases int32. ONNX Runtime runs a node on integers
only where both its inputs and its output pass through Q/DQ. So outputs are quantised as well, after their Relu, and
additions, poolings and resizings between convolutions too.

On x86 processors without VNNI, ONNX Runtime adds the products of two neighbours in 16 bits (vpmaddubsw), and
2 * 255 * 127 = 64770 exceeds 32767: large sums saturate, which can cost accuracy. Sessions warn of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from onnx import ModelProto, NodeProto

from gridrt.calib.affine import Range, asymmetric
from gridrt.calib.targets.quantization import ACTIVATION, ActivationScheme, Edges, weighted_nodes
from gridrt.graph.wiring import Wiring

SAME_SCALE_OPS = ("MaxPool", "Resize")
"""Operators that only move or select integers: their output has the scale of their input."""


class CpuTarget:
    """ONNX Runtime's CPU provider."""

    name = "cpu"
    has_half = False
    quantizes_bias = True

    def quantized_edges(self, wiring: Wiring, int8_nodes: frozenset[str]) -> Mapping[str, Edges]:
        """The activations that pass through Q/DQ, each with all of its consumers."""
        weighted = weighted_nodes(wiring, int8_nodes)
        tensors = dict.fromkeys(name for node in weighted for name in (node.input[ACTIVATION], _output(node, wiring)))
        tensors |= dict.fromkeys(_quantized_between(wiring, int8_nodes, set(tensors)))
        return {name: wiring.consumers[name] for name in tensors}

    def scheme_of(self, tensor: str, wiring: Wiring, ranges: Mapping[str, Range]) -> ActivationScheme:
        """Scale and zero point of an activation."""
        producer = wiring.producers.get(tensor)
        if producer is not None and producer.op_type in SAME_SCALE_OPS and producer.input[0] in ranges:
            return self.scheme_of(producer.input[0], wiring, ranges)
        return ActivationScheme(*asymmetric(ranges[tensor]))

    def finish(self, model: ModelProto) -> None:
        """Nothing: the slice by the number of detections stays, so that the grid head costs what it must."""


def _output(node: NodeProto, wiring: Wiring) -> str:
    """The output of a node, after the Relu that is fused with it."""
    consumers = wiring.consumer_nodes(node.output[0])
    is_activated = [consumer.op_type for consumer in consumers] == ["Relu"]
    return str((consumers[0] if is_activated else node).output[0])


def _quantized_between(wiring: Wiring, int8_nodes: frozenset[str], quantized: set[str]) -> Iterator[str]:
    """Outputs of additions, poolings and resizings whose inputs are all quantised."""
    for node in wiring.nodes.values():
        inputs = node.input[:1] if node.op_type in SAME_SCALE_OPS else node.input
        moves = node.op_type == "Add" or node.op_type in SAME_SCALE_OPS
        if moves and node.name in int8_nodes and quantized.issuperset(inputs):
            output = _output(node, wiring)
            quantized.add(output)
            yield output
