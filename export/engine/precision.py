"""The precision that a graph asks for and that an engine runs, node by node.

Only nodes that multiply by stored weights are looked at: they are the arithmetic, and what they read is told for each
layer of an engine.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from onnx import ModelProto, NodeProto, TensorProto

from gridrt.errors import EngineError
from gridrt.graph.wiring import Wiring, element_types, wiring_of
from gridrt.runtime.tensorrt.layer_times import nodes_of_layer
from gridrt.stages import stage_of_node

Precision: TypeAlias = Literal["int8", "fp16", "fp32"]
Precisions: TypeAlias = Mapping[str, Precision]
"""By the names of nodes."""

WEIGHTED_OPS = frozenset(("Conv", "ConvTranspose", "Gemm"))
NARROWEST_FIRST: tuple[Precision, ...] = ("int8", "fp16", "fp32")
_OF_TYPE: Mapping[int, Precision] = {TensorProto.FLOAT16: "fp16", TensorProto.FLOAT: "fp32"}

# `Datatype: Half` of one tensor; older versions tell `Format/Datatype: Row major linear FP16 format`.
_TENSOR_TYPE = re.compile(r"Datatype\"?: \"?([^,}\"]+)")
_WEIGHT_TYPE = re.compile(r"Weights\"?: \{\"?Type\"?: \"?(\w+)")
_PARTS = re.compile(r", \"?(Inputs|Constants|Outputs)\"?: ")
_PRECISION_OF: tuple[tuple[re.Pattern[str], Precision], ...] = (
    (re.compile(r"int8", re.IGNORECASE), "int8"),
    (re.compile(r"\b(half|fp16|float16)\b", re.IGNORECASE), "fp16"),
    (re.compile(r"\b(float|fp32)\b", re.IGNORECASE), "fp32"),
)


def planned_precisions(model: ModelProto) -> Precisions:
    """What the types in a graph ask for."""
    wiring, types = wiring_of(model.graph), element_types(model)
    weighted = (node for node in model.graph.node if node.op_type in WEIGHTED_OPS)
    return {node.name: _planned(node, wiring, types) for node in weighted}


def _planned(node: NodeProto, wiring: Wiring, types: Mapping[str, int]) -> Precision:
    makers = [wiring.maker.get(name) for name in node.input[:2]]
    if all(maker is not None and maker.op_type == "DequantizeLinear" for maker in makers):
        return "int8"
    return _OF_TYPE[types[node.input[0]]]


def built_precisions(layers: str) -> Precisions:
    """What the layers of an engine run, as far as TensorRT tells.

    A node may be spread over several layers: conversions before it, what is fused behind it. The one that multiplies
    reads activations and weights of the same type; of several such the narrowest is taken.

    Args:
        layers: one a line, as TensorRT describes them where an engine keeps details.
    """
    found: dict[str, set[Precision]] = {}
    for line in layers.splitlines():
        precisions = set(_multiplied(line))
        for node in nodes_of_layer(line):
            found.setdefault(node, set()).update(precisions)
    return {
        node: next(precision for precision in NARROWEST_FIRST if precision in seen)
        for node, seen in found.items()
        if seen
    }


def _multiplied(line: str) -> Iterator[Precision]:
    """The types that a layer both reads and has weights of."""
    _, *parts = _PARTS.split(line)
    texts = dict(zip(parts[::2], parts[1::2], strict=True))
    weights = _TENSOR_TYPE.findall(texts.get("Constants", "")) + _WEIGHT_TYPE.findall(line)
    read = set(_named(_TENSOR_TYPE.findall(texts.get("Inputs", ""))))
    yield from read.intersection(_named(weights))


def _named(types: list[str]) -> Iterator[Precision]:
    for text in types:
        for pattern, precision in _PRECISION_OF:
            if pattern.search(text):
                yield precision
                break


def require_planned(planned: Precisions, built: Precisions) -> None:
    """Insist that no node runs in more bits than the graph asks for; those that TensorRT does not tell of pass.

    Raises:
        EngineError: one does.
    """
    wider = {
        name: built[name]
        for name, precision in planned.items()
        if name in built and NARROWEST_FIRST.index(built[name]) > NARROWEST_FIRST.index(precision)
    }
    if wider:
        name, precision = next(iter(wider.items()))
        raise EngineError(
            "an engine runs every layer in the precision that its graph asks for",
            place=name,
            value=f"{precision} instead of {planned[name]}; {len(wider)} such layers of {len(planned)}",
            remedy="Plan these nodes in a wider precision, by a recipe of your own.",
        )


def by_stage(planned: Precisions, built: Precisions) -> dict[str, dict[str, int]]:
    """How many nodes of each stage of the detector run in which precision; "unknown" where TensorRT does not tell."""
    stages: dict[str, Counter[str]] = {}
    for name in planned:
        stages.setdefault(stage_of_node(name) or "other", Counter())[built.get(name, "unknown")] += 1
    return {stage: dict(counts) for stage, counts in stages.items()}
