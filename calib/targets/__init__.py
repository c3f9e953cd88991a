"""What an INT8 graph is written for: the same ranges and the same nodes, placed as each runtime wants them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from gridrt.calib.affine import Range
from gridrt.calib.targets.cpu import CpuTarget
from gridrt.calib.targets.quantization import ActivationScheme, Readers
from gridrt.calib.targets.tensorrt import TensorRTTarget
from gridrt.graph.wiring import Wiring


class Target(Protocol):
    """A runtime that INT8 graphs are written for.

    Attributes:
        name: as on the command line.
        has_half: whether it runs FP16; else what is planned so runs in FP32.
        quantizes_bias: whether the biases of quantised nodes are int32.
    """

    name: str
    has_half: bool
    quantizes_bias: bool

    def quantized_reads(self, wiring: Wiring, int8_nodes: frozenset[str]) -> Mapping[str, Readers]:
        """The activations that pass through Q/DQ, and who reads them there."""
        ...

    def scheme_of(self, tensor: str, wiring: Wiring, ranges: Mapping[str, Range]) -> ActivationScheme:
        """Scale and zero point of an activation."""
        ...


TARGETS: Mapping[str, Target] = {target.name: target for target in (TensorRTTarget(), CpuTarget())}
