"""Q/DQ as ONNX Runtime fuses it on a CPU.

uint8 activations, which is what processors multiply int8 weights with, and int32 biases. ONNX Runtime runs a node on
integers only where both its inputs and its output pass through Q/DQ, so that outputs are quantised too, behind their
Relu, and so is what lies between convolutions: additions, poolings and resizings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from onnx import NodeProto

from gridrt.calib.affine import Range, asymmetric
from gridrt.calib.targets.quantization import ACTIVATION, ActivationScheme, Readers, weighted_nodes
from gridrt.graph.wiring import Wiring

SAME_SCALE_OPS = ("MaxPool", "Resize")
"""Operators that move integers about: their output has the scale of their input."""


class CpuTarget:
    """ONNX Runtime's CPU provider."""

    name = "cpu"
    has_half = False
    quantizes_bias = True

    def quantized_reads(self, wiring: Wiring, int8_nodes: frozenset[str]) -> Mapping[str, Readers]:
        """The activations that pass through Q/DQ, and who reads them there: everyone."""
        weighted = weighted_nodes(wiring, int8_nodes)
        tensors = dict.fromkeys(name for node in weighted for name in (node.input[ACTIVATION], _result(node, wiring)))
        tensors |= dict.fromkeys(_between(wiring, int8_nodes, set(tensors)))
        return {name: wiring.readers[name] for name in tensors}

    def scheme_of(self, tensor: str, wiring: Wiring, ranges: Mapping[str, Range]) -> ActivationScheme:
        """Scale and zero point of an activation."""
        maker = wiring.maker.get(tensor)
        if maker is not None and maker.op_type in SAME_SCALE_OPS and maker.input[0] in ranges:
            return self.scheme_of(maker.input[0], wiring, ranges)
        return ActivationScheme(*asymmetric(ranges[tensor]))


def _result(node: NodeProto, wiring: Wiring) -> str:
    """What a node makes, behind the Relu that is fused with it."""
    readers = wiring.reading_nodes(node.output[0])
    is_activated = [reader.op_type for reader in readers] == ["Relu"]
    return str((readers[0] if is_activated else node).output[0])


def _between(wiring: Wiring, int8_nodes: frozenset[str], quantized: set[str]) -> Iterator[str]:
    """Results of additions, poolings and resizings whose inputs are all quantised."""
    for node in wiring.nodes.values():
        inputs = node.input[:1] if node.op_type in SAME_SCALE_OPS else node.input
        moves = node.op_type == "Add" or node.op_type in SAME_SCALE_OPS
        if moves and node.name in int8_nodes and quantized.issuperset(inputs):
            result = _result(node, wiring)
            quantized.add(result)
            yield result
