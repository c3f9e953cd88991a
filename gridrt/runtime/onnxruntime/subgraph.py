"""Run a subgraph with ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from onnx import ModelProto

from gridrt.errors import GraphError
from gridrt.graph.subgraph import subgraph
from gridrt.runtime.onnxruntime.inference_session import inference_session

Feeds = Mapping[str, npt.NDArray[Any]]


class SubgraphSession:
    """What lies between some tensors of a graph, open.

    Args:
        model: as in `subgraph`; every floating-point tensor is float32.
        inputs: the same.
        outputs: the same.
        threads: of ONNX Runtime; None means one for each physical core.
    """

    def __init__(
        self, model: ModelProto, inputs: Mapping[str, int], outputs: Sequence[str], threads: int | None
    ) -> None:
        self._outputs = list(outputs)
        self._session = inference_session(subgraph(model, inputs, outputs).SerializeToString(), threads=threads)
        self._consumed = {node.name for node in self._session.get_inputs()}

    def run(self, feeds: Feeds) -> Sequence[npt.NDArray[Any]]:
        """The outputs, in order; tensors in `feeds` that the subgraph does not consume are left out.

        Raises:
            GraphError: ONNX Runtime fails, such as for want of memory.
        """
        try:
            return self._session.run(self._outputs, {name: feeds[name] for name in self._consumed})  # type: ignore[no-any-return]  # untyped
        except Exception as error:  # ONNX Runtime's error classes share no base of their own
            raise GraphError("ONNX Runtime cannot run the subgraph", value=error) from error
