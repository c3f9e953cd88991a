"""Run an exported graph with OpenVINO on the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from gridrt.errors import DependencyError, GraphError
from gridrt.graph.contract import OUTPUTS, check_contract
from gridrt.graph.graph import Graph, load_graph
from gridrt.graph.metadata import refuse_unnamed
from gridrt.runtime.graph_info import graph_info
from gridrt.runtime.info import ModelInfo
from gridrt.runtime.openvino.bf16 import require_computed_in_bf16
from gridrt.runtime.openvino.compile import compiled_graph, library
from gridrt.types import Int32Array, RawDetections, UInt8Array


class OpenVinoSession:
    """A graph of GridRT, checked and compiled.

    Args:
        graph: an ONNX file, or a graph in memory.
        threads: CPU threads; None means as many as the process may use.
        streams: parts of a batch that run at the same time, each on its share of the threads.

    Attributes:
        info: what it runs, and on what.
        path: the graph's file, which a graph in memory need not have.
        threads: as given.

    Raises:
        GraphError: the file is not an ONNX file, `gridrt export` did not write it, a weight is not finite, or OpenVINO
            cannot compile it, or not in the precision of its features.
        DependencyError: OpenVINO is too old.
    """

    def __init__(self, graph: Graph | str | Path, threads: int | None = None, streams: int = 1) -> None:
        loaded = graph if isinstance(graph, Graph) else load_graph(graph)
        check_contract(loaded)
        self.path, self.threads = loaded.path, threads
        self.info: ModelInfo = graph_info(loaded.model, loaded.path, library(), "cpu")
        compiled = compiled_graph(loaded.model, threads=threads, streams=streams, place=loaded.path)
        if self.info.precision == "bf16":
            require_computed_in_bf16(compiled, loaded.path)
        self._requests = [compiled.create_infer_request() for _ in range(streams)]
        self._turn = Lock()  # a request runs one batch at a time

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        """Detect in a batch; shapes as in `gridrt.runtime.backend.Session`.

        Raises:
            GraphError: OpenVINO fails, such as for want of memory, or a detected class has no name.
        """
        try:
            with self._turn:
                boxes, scores, labels = self._outputs_of_parts(images, image_sizes)
        except RuntimeError as error:  # the base of all that OpenVINO raises
            raise GraphError("OpenVINO cannot run the graph", place=self.path, value=error) from error
        refuse_unnamed(labels, self.info.class_names, self.path)
        return RawDetections(boxes, scores, labels)

    def _outputs_of_parts(self, images: UInt8Array, image_sizes: Int32Array) -> Iterator[npt.NDArray[Any]]:
        """The graph's outputs, of parts of a batch that run at the same time."""
        count = max(1, min(len(images), len(self._requests)))
        running = self._requests[:count]
        parts = zip(running, np.array_split(images, count), np.array_split(image_sizes, count), strict=True)
        for request, some, sizes in parts:
            request.start_async({"images": some, "image_sizes": sizes})
        for request in running:
            request.wait()
        return (np.concatenate([request.results[name] for request in running]) for name in OUTPUTS)


def require_cpu(device: str | None) -> None:
    """Refuse a device that OpenVINO is not used on.

    Raises:
        DependencyError: it is not the CPU.
    """
    if device not in (None, "cpu"):
        raise DependencyError("OpenVINO has no such device here", place="`device`", value=device, remedy="Name cpu.")
