"""A part of a graph, from tensors that are given to tensors that are asked for, run by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
import onnx.helper
from onnx import ModelProto, NodeProto

from gridrt.errors import GraphError
from gridrt.graph.wiring import drop_unused_weights, replace_nodes, wiring_of
from gridrt.runtime.onnxruntime.inference_session import inference_session

Feeds = Mapping[str, npt.NDArray[Any]]


class Part:
    """What lies between some tensors of a graph.

    Args:
        model: the whole graph; every floating-point tensor is float32.
        given: tensors that are fed, with their ONNX types; what lies before them is not run.
        asked: tensors to give out, made by nodes.
        threads: of ONNX Runtime; None means every physical core.
    """

    def __init__(self, model: ModelProto, given: Mapping[str, int], asked: Sequence[str], threads: int | None) -> None:
        self._asked = list(asked)
        self._session = inference_session(cut(model, given, asked).SerializeToString(), threads=threads)
        self._reads = {node.name for node in self._session.get_inputs()}

    def __call__(self, feeds: Feeds) -> Sequence[npt.NDArray[Any]]:
        """The tensors that were asked for; of `feeds`, what the part does not read is left out.

        Raises:
            GraphError: ONNX Runtime fails, such as for want of memory.
        """
        try:
            return self._session.run(self._asked, {name: feeds[name] for name in self._reads})  # type: ignore[no-any-return]  # untyped
        except Exception as error:  # ONNX Runtime's error classes share no base of their own
            raise GraphError("ONNX Runtime cannot run this part of the graph", value=error) from error


def cut(model: ModelProto, given: Mapping[str, int], asked: Sequence[str]) -> ModelProto:
    """The part of a graph that makes `asked` of `given` and of the graph's inputs; for the arguments see `Part`."""
    part = ModelProto()
    part.CopyFrom(model)
    graph = part.graph
    replace_nodes(graph, _needed(part, given, asked))
    read = {tensor for node in graph.node for tensor in node.input}
    inputs = [entry for entry in graph.input if entry.name in read]
    inputs += [onnx.helper.make_tensor_value_info(name, kind, None) for name, kind in given.items() if name in read]
    for entries, kept in ((graph.input, inputs), (graph.output, [onnx.ValueInfoProto(name=name) for name in asked])):
        del entries[:]
        entries.extend(kept)
    drop_unused_weights(graph)
    return part


def _needed(model: ModelProto, given: Mapping[str, int], asked: Sequence[str]) -> list[NodeProto]:
    """The nodes on the way, in the graph's order."""
    producers = wiring_of(model.graph).producers
    waiting, needed = list(asked), set[str]()
    while waiting:
        tensor = waiting.pop()
        node = None if tensor in given else producers.get(tensor)
        if node is not None and node.name not in needed:
            needed.add(node.name)
            waiting += node.input
    return [node for node in model.graph.node if node.name in needed]
