"""The numbers in an ONNX file, checked before they are run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnx.numpy_helper

from gridrt.errors import GraphError
from gridrt.limits import LARGEST_WEIGHT

_NAMED = 5
_Types = onnx.AttributeProto
_INTEGERS_AND_TEXTS = frozenset((_Types.INT, _Types.INTS, _Types.STRING, _Types.STRINGS))


def refuse_non_finite(model: onnx.ModelProto, path: str | Path) -> None:
    """Refuse weights and constants that are NaN, infinite, or so large that sums of their products are.

    Scores that are NaN exceed no threshold, and one that is huge leaves no other class any: such a graph would detect
    nothing, and the outputs would not show why.

    Args:
        model: the graph.
        path: its file, for errors.

    Raises:
        GraphError: there are some, or a tensor has not as much data as its shape says.
    """
    broken, huge = [], []
    try:
        for name, values in chain(_in_graph(model.graph), *(_in_nodes(function.node) for function in model.functions)):
            largest = float(np.abs(values).max(initial=0))
            if not np.isfinite(largest):
                broken.append(name)
            elif values.size > 1 and largest > LARGEST_WEIGHT:  # a single number may be a bound
                huge.append(name)
    except (ValueError, TypeError, KeyError) as error:  # of numpy_helper
        raise GraphError("cannot read a tensor of the graph", place=path, value=error) from error
    for names, what in ((broken, "NaN or infinity"), (huge, f"more than {LARGEST_WEIGHT:.0e}")):
        if names:
            raise GraphError(
                "weights must be finite numbers",
                place=path,
                value=f"{what} in {len(names)} tensors: {', '.join(names[:_NAMED])}",
                remedy="Export a sound checkpoint.",
            )


def _in_graph(graph: onnx.GraphProto) -> Iterator[tuple[str, npt.NDArray[np.floating]]]:
    """All floating-point numbers that are stored in a graph, with names for people."""
    stored = [*graph.initializer, *(sparse.values for sparse in graph.sparse_initializer)]
    yield from (pair for tensor in stored for pair in _in_tensor(tensor, tensor.name))
    yield from _in_nodes(graph.node)


def _in_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[tuple[str, npt.NDArray[np.floating]]]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.type in _INTEGERS_AND_TEXTS:
                continue
            name = f"{attribute.name} of {node.name or node.op_type}"
            yield name, np.array([attribute.f, *attribute.floats])
            for tensor in (attribute.t, *attribute.tensors, attribute.sparse_tensor.values):
                yield from _in_tensor(tensor, name)
            for graph in (attribute.g, *attribute.graphs):
                yield from _in_graph(graph)


def _in_tensor(tensor: onnx.TensorProto, name: str) -> Iterator[tuple[str, npt.NDArray[np.floating]]]:
    """The tensor, if it holds floating-point numbers; an attribute without one has an empty tensor, of no type."""
    if tensor.data_type:
        values = onnx.numpy_helper.to_array(tensor)
        if values.dtype.kind == "f":
            yield name, values
