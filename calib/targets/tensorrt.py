"""Q/DQ as TensorRT fuses it.

Symmetric int8 before the activation of each convolution and matrix product, and before the skip input of a residual
addition, which TensorRT runs inside the convolution that the other input comes from. Convolutions give out FP16, and
biases stay as they are. What else would be quantised TensorRT either refuses (uint8, int32 biases) or runs as
conversions of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
from onnx import NodeProto

from gridrt.calib.affine import Range, symmetric_scale
from gridrt.calib.targets.quantization import ACTIVATION, WEIGHT, ActivationScheme, Readers, weighted_nodes
from gridrt.graph.wiring import Edge, Wiring

GROUP_MULTIPLE = 4
"""TensorRT runs a grouped convolution in INT8 only where each group has a multiple of so many channels."""


class TensorRTTarget:
    """TensorRT 10.8 and later, and TensorRT for RTX."""

    name = "tensorrt"
    has_half = True
    quantizes_bias = False

    def quantized_reads(self, wiring: Wiring, int8_nodes: frozenset[str]) -> Mapping[str, Readers]:
        """The activations that pass through Q/DQ, and who reads them there."""
        readers = defaultdict[str, list[Edge]](list)
        weighted = {node.name for node in weighted_nodes(wiring, int8_nodes) if _runs_in_int8(node, wiring)}
        for node in wiring.nodes.values():
            if node.name in weighted:
                readers[node.input[ACTIVATION]].append(Edge(node.name, ACTIVATION))
            elif node.name in int8_nodes:
                for slot in _skip_inputs(node, wiring, weighted):
                    readers[node.input[slot]].append(Edge(node.name, slot))
        return readers

    def scheme_of(self, tensor: str, wiring: Wiring, ranges: Mapping[str, Range]) -> ActivationScheme:  # noqa: ARG002 - the protocol's
        """Scale and zero point of an activation."""
        return ActivationScheme(symmetric_scale(ranges[tensor].amax), np.int8(0))


def _runs_in_int8(node: NodeProto, wiring: Wiring) -> bool:
    groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
    channels_in_group = wiring.weights[node.input[WEIGHT]].dims[1]
    return bool(groups == 1 or channels_in_group % GROUP_MULTIPLE == 0)


def _skip_inputs(node: NodeProto, wiring: Wiring, weighted: set[str]) -> Iterator[int]:
    """The input of a residual addition that does not come from the convolution that it is fused with.

    A residual addition is one that feeds a Relu alone; of two convolutions, the first input's is the main branch.
    """
    feeds = wiring.reading_nodes(node.output[0]) if node.op_type == "Add" else []
    if [reader.op_type for reader in feeds] != ["Relu"]:
        return
    makers = [wiring.maker.get(name) for name in node.input]
    fused = [slot for slot, maker in enumerate(makers) if maker is not None and maker.name in weighted]
    if fused:
        yield 1 - fused[0]
