"""Run a subgraph with OpenVINO on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from onnx import ModelProto
from openvino import InferRequest

from gridrt.errors import GraphError
from gridrt.runtime.openvino.compile import compiled_graph

Feeds = Mapping[str, npt.NDArray[Any]]


class SubgraphSession:
    """A subgraph; see `gridrt.runtime.graph_stages.Subgraph`.

    OpenVINO needs to know more of shapes than a subgraph tells, so it is compiled when it is first fed: for any number
    of images, and for maps of any size.

    Args:
        model: a subgraph; every floating-point tensor is float32.
        threads: of the CPU; None means as many as the process may use.
    """

    def __init__(self, model: ModelProto, *, threads: int | None) -> None:
        self._model, self._threads = model, threads
        self._outputs = [output.name for output in model.graph.output]
        self._consumed = [entry.name for entry in model.graph.input]
        self._request: InferRequest | None = None

    def run(self, feeds: Feeds) -> Sequence[npt.NDArray[Any]]:
        """The outputs, in order; tensors in `feeds` that the subgraph does not consume are left out.

        Raises:
            GraphError: OpenVINO cannot compile the subgraph, or fails, such as for want of memory.
        """
        consumed = {name: feeds[name] for name in self._consumed}
        if self._request is None:
            self._note_shapes(consumed)
            self._request = compiled_graph(self._model, threads=self._threads).create_infer_request()
        try:
            found = self._request.infer(consumed)
        except RuntimeError as error:  # the base of all that OpenVINO raises
            raise GraphError("OpenVINO cannot run the subgraph", value=error) from error
        return [found[name] for name in self._outputs]

    def _note_shapes(self, feeds: Feeds) -> None:
        """Note the shapes of inputs that have none: open are the first side, and the sizes of maps [B, C, H, W]."""
        for entry in self._model.graph.input:
            tensor = entry.type.tensor_type
            if not tensor.HasField("shape"):
                shape = feeds[entry.name].shape
                fixed = shape[1:2] if len(shape) == 4 else shape[1:]
                tensor.shape.dim.add(dim_param=f"{entry.name}_0")
                for side in fixed:
                    tensor.shape.dim.add(dim_value=side)
                for axis in range(1 + len(fixed), len(shape)):
                    tensor.shape.dim.add(dim_param=f"{entry.name}_{axis}")
