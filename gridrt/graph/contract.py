"""The contract of a GridRT graph: its inputs, its outputs, its metadata, and weights that are finite."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from onnx import TensorProto, ValueInfoProto

from gridrt.graph.graph import Graph
from gridrt.graph.metadata import class_names_in, not_gridrt, scale_in_input
from gridrt.graph.weights import refuse_non_finite

# Name -> (element type, rank).
INPUTS: Mapping[str, tuple[int, int]] = {"images": (TensorProto.UINT8, 4), "image_sizes": (TensorProto.INT32, 2)}
OUTPUTS: Mapping[str, tuple[int, int]] = {
    "boxes": (TensorProto.FLOAT, 3),
    "scores": (TensorProto.FLOAT, 2),
    "labels": (TensorProto.INT32, 2),
}


def check_contract(graph: Graph) -> None:
    """Refuse a graph that `gridrt export` did not write, or whose weights are broken.

    Raises:
        GraphError: an input, an output or the metadata differ from the contract, or a weight is NaN or infinite.
    """
    stored = {tensor.name for tensor in graph.model.graph.initializer}  # IR versions before 4 list weights as inputs
    inputs = (value for value in graph.model.graph.input if value.name not in stored)
    _check_values(graph.path, "input", inputs, INPUTS)
    _check_values(graph.path, "output", graph.model.graph.output, OUTPUTS)
    class_names_in(graph.metadata, graph.path)
    scale_in_input(graph.metadata, graph.path)
    refuse_non_finite(graph.model, graph.path)


def _check_values(
    path: Path, kind: str, values: Iterable[ValueInfoProto], expected: Mapping[str, tuple[int, int]]
) -> None:
    types = {value.name: value.type.tensor_type for value in values}
    for name, (dtype, rank) in expected.items():
        if name not in types:
            raise not_gridrt(path, f"no {kind} named {name}")
        found = types[name].elem_type, len(types[name].shape.dim)
        if found != (dtype, rank):
            raise not_gridrt(path, f"{kind} {name} of {_described(*found)} instead of {_described(dtype, rank)}")
    if surplus := types.keys() - expected.keys():
        raise not_gridrt(path, f"a further {kind} named {', '.join(sorted(surplus))}")


def _described(dtype: int, rank: int) -> str:
    """Such as `float, rank 4`."""
    known = {number: name for name, number in TensorProto.DataType.items()}
    return f"{known.get(dtype, f'type {dtype}').lower()}, rank {rank}"
