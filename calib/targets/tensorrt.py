"""Q/DQ as TensorRT fuses it.

Symmetric int8 before the activation of each convolution and matrix product, and before the skip input of a residual
addition, which TensorRT fuses with the convolution that produces the other input. Convolutions output FP16, and biases
stay as they are. TensorRT refuses other forms (uint8, int32 biases), or runs them as separate conversions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
from onnx import ModelProto, NodeProto

from gridrt.calib.affine import Range, symmetric_scale
from gridrt.calib.targets.quantization import ACTIVATION, WEIGHT, ActivationScheme, Edges, weighted_nodes
from gridrt.export.passes.static_rows import static_rows
from gridrt.graph.wiring import Edge, Wiring

GROUP_MULTIPLE = 4
"""TensorRT runs a grouped convolution in INT8 only if the channels of a group are a multiple of this."""


class TensorRTTarget:
    """TensorRT 10.8 and later, and TensorRT for RTX."""

    name = "tensorrt"
    has_half = True
    quantizes_bias = False

    def quantized_edges(self, wiring: Wiring, int8_nodes: frozenset[str]) -> Mapping[str, Edges]:
        """The activations that pass through Q/DQ, each with the edges that read it behind them."""
        edges = defaultdict[str, list[Edge]](list)
        weighted = {node.name for node in weighted_nodes(wiring, int8_nodes) if _fits_groups(node, wiring)}
        for node in wiring.nodes.values():
            if node.name in weighted:
                edges[node.input[ACTIVATION]].append(Edge(node.name, ACTIVATION))
            elif node.name in int8_nodes:
                for slot in _skip_inputs(node, wiring, weighted):
                    edges[node.input[slot]].append(Edge(node.name, slot))
        return edges

    def scheme_of(self, tensor: str, wiring: Wiring, ranges: Mapping[str, Range]) -> ActivationScheme:  # noqa: ARG002 - the protocol's
        """Scale and zero point of an activation."""
        return ActivationScheme(symmetric_scale(ranges[tensor].amax), np.int8(0))

    def finish(self, model: ModelProto) -> None:
        """TensorRT cannot size a slice by data: the grid head works on all rows of detections."""
        static_rows(model)


def _fits_groups(node: NodeProto, wiring: Wiring) -> bool:
    groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
    channels_in_group = wiring.weights[node.input[WEIGHT]].dims[1]
    return bool(groups == 1 or channels_in_group % GROUP_MULTIPLE == 0)


def _skip_inputs(node: NodeProto, wiring: Wiring, weighted: set[str]) -> Iterator[int]:
    """The input of a residual addition that the convolution fused with it does not produce.

    A residual addition feeds nothing but a Relu. Of two convolutions, the one at the first input is fused.
    """
    consumers = wiring.consumer_nodes(node.output[0]) if node.op_type == "Add" else []
    if [consumer.op_type for consumer in consumers] != ["Relu"]:
        return
    producers = [wiring.producers.get(name) for name in node.input]
    fused = [slot for slot, producer in enumerate(producers) if producer is not None and producer.name in weighted]
    if fused:
        yield 1 - fused[0]
