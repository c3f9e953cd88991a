"""Run a subgraph with ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from onnx import ModelProto

from gridrt.errors import GraphError
from gridrt.runtime.onnxruntime.inference_session import inference_session

Feeds = Mapping[str, npt.NDArray[Any]]


class SubgraphSession:
    """A subgraph, open; see `gridrt.runtime.graph_stages.Subgraph`.

    Args:
        model: a subgraph; every floating-point tensor is float32.
        threads: of ONNX Runtime; None means as many as the process may use.
    """

    def __init__(self, model: ModelProto, *, threads: int | None) -> None:
        self._session = inference_session(model.SerializeToString(), threads=threads)
        self._consumed = {node.name for node in self._session.get_inputs()}

    def run(self, feeds: Feeds) -> Sequence[npt.NDArray[Any]]:
        """The outputs, in order; tensors in `feeds` that the subgraph does not consume are left out.

        Raises:
            GraphError: ONNX Runtime fails, such as for want of memory.
        """
        try:
            return self._session.run(None, {name: feeds[name] for name in self._consumed})  # type: ignore[no-any-return]  # untyped
        except Exception as error:  # ONNX Runtime's error classes share no base of their own
            raise GraphError("ONNX Runtime cannot run the subgraph", value=error) from error
