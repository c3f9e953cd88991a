"""Runtimes that INT8 graphs are written for: each places Q/DQ nodes where it can fuse them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from onnx import ModelProto

from gridrt.calib.affine import Range
from gridrt.calib.targets.cpu import CpuTarget
from gridrt.calib.targets.quantization import ActivationScheme, Edges
from gridrt.calib.targets.tensorrt import TensorRTTarget
from gridrt.graph.wiring import Wiring


class Target(Protocol):
    """A runtime that INT8 graphs are written for.

    Attributes:
        name: as on the command line.
        has_half: whether it runs FP16; otherwise nodes planned in FP16 run in FP32.
        quantizes_bias: whether the biases of quantised nodes are int32.
    """

    name: str
    has_half: bool
    quantizes_bias: bool

    def quantized_edges(self, wiring: Wiring, int8_nodes: frozenset[str]) -> Mapping[str, Edges]:
        """The activations that pass through Q/DQ, each with the edges that read it behind them."""
        ...

    def scheme_of(self, tensor: str, wiring: Wiring, ranges: Mapping[str, Range]) -> ActivationScheme:
        """Scale and zero point of an activation."""
        ...

    def finish(self, model: ModelProto) -> None:
        """Make changes to a rewritten graph, in place, that the runtime needs besides precisions."""
        ...


TARGETS: Mapping[str, Target] = {target.name: target for target in (TensorRTTarget(), CpuTarget())}
