"""The precision that a graph asks for and that an engine runs, node by node.

Only nodes that multiply by stored weights count: they are the arithmetic, and TensorRT reports the inputs of their
layers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from onnx import ModelProto, TensorProto

from gridrt.errors import EngineError
from gridrt.graph.wiring import element_types, wiring_of
from gridrt.runtime.info import NARROWEST_FIRST, Precision
from gridrt.runtime.tensorrt.layer_times import nodes_of_layer
from gridrt.stages import stage_of_node

Precisions: TypeAlias = Mapping[str, Precision]
"""By the names of nodes."""

WEIGHTED_OPS = frozenset(("Conv", "ConvTranspose", "Gemm"))
_OF_TYPE: Mapping[int, Precision] = {TensorProto.FLOAT16: "fp16", TensorProto.FLOAT: "fp32"}

# `Datatype: Half` of one tensor; older versions write `Format/Datatype: Row major linear FP16 format`.
_TENSOR_TYPE = re.compile(r"Datatype\"?: \"?([^,}\"]+)")
_WEIGHT_TYPE = re.compile(r"Weights\"?: \{\"?Type\"?: \"?(\w+)")
_PARTS = re.compile(r", \"?(Inputs|Constants|Outputs)\"?: ")
_PRECISION_OF: tuple[tuple[re.Pattern[str], Precision], ...] = (
    (re.compile(r"int8", re.IGNORECASE), "int8"),
    (re.compile(r"\b(half|fp16|float16)\b", re.IGNORECASE), "fp16"),
    (re.compile(r"\b(float|fp32)\b", re.IGNORECASE), "fp32"),
)


def planned_precisions(model: ModelProto) -> Precisions:
    """The precisions that the types in a graph ask for."""
    producers, types = wiring_of(model.graph).producers, element_types(model)
    planned: dict[str, Precision] = {}
    for node in model.graph.node:
        if node.op_type in WEIGHTED_OPS:
            sources = [producers.get(name) for name in node.input[:2]]
            is_int8 = all(source is not None and source.op_type == "DequantizeLinear" for source in sources)
            planned[node.name] = "int8" if is_int8 else _OF_TYPE[types[node.input[0]]]
    return planned


def built_precisions(layers: str) -> Precisions:
    """The precisions that the layers of an engine run in, as far as TensorRT reports them.

    A node may be spread over several layers, such as conversions before it. The layer that multiplies reads activations
    and weights of the same type; of several such types the narrowest counts.

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
    """The types that are both among a layer's inputs and among its weights."""
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
    """Refuse an engine in which a node runs in more bits than the graph asks for.

    Nodes that TensorRT does not report pass.

    Raises:
        EngineError: there is such a node.
    """
    wider = {
        name: built[name]
        for name, precision in planned.items()
        if name in built and NARROWEST_FIRST.index(built[name]) > NARROWEST_FIRST.index(precision)
    }
    if wider:
        name, precision = next(iter(wider.items()))
        raise EngineError(
            "an engine must run every layer in the precision that its graph asks for",
            place=name,
            value=f"{precision} instead of {planned[name]}; {len(wider)} such layers of {len(planned)}",
            remedy="Plan these nodes in a wider precision, by a recipe of your own.",
        )


def by_stage(planned: Precisions, built: Precisions) -> dict[str, dict[str, int]]:
    """How many nodes of each part of the detector run in which precision; "unknown" where TensorRT reports none."""
    stages: dict[str, Counter[str]] = {}
    for name in planned:
        stages.setdefault(stage_of_node(name) or "other", Counter())[built.get(name, "unknown")] += 1
    return {stage: dict(counts) for stage, counts in stages.items()}
