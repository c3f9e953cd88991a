"""Sessions over what is in memory: a model, or a graph. Files are opened by `gridrt.runtime.open_session`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from gridrt.runtime.backend import Session
from gridrt.types import Float32Array, Int32Array, RawDetections, UInt8Array

if TYPE_CHECKING:  # PyTorch takes a second to import
    from gridrt.graph.graph import Graph
    from gridrt.model.grid_rcnn import GridRCNN


class ObservedSession(Session, Protocol):
    """A session that also returns tensors from inside its graph."""

    @property
    def observed(self) -> tuple[str, ...]:
        """Names of these tensors."""
        ...

    def run_observed(self, images: UInt8Array, image_sizes: Int32Array) -> tuple[RawDetections, Sequence[Float32Array]]:
        """Detect in a batch, as `run`, and return the tensors in the order of `observed`."""
        ...


def session_of_model(model: GridRCNN, device: str | None = None, threads: int | None = None) -> Session:
    """Run a model by PyTorch, eagerly.

    Args:
        model: moved to `device`, set to eval mode, and kept.
        device: such as "cpu" or "cuda:1"; None takes the GPU where there is one.
        threads: CPU threads, for PyTorch as a whole; None leaves its setting.

    Raises:
        DependencyError: `device` is not on this machine.
    """
    from gridrt.runtime.pytorch.session import TorchSession

    return TorchSession(model, device, threads)


def session_of_graph(graph: Graph, threads: int | None = None, observed: Sequence[str] = ()) -> ObservedSession:
    """Run a graph by ONNX Runtime on the CPU.

    Args:
        graph: that `gridrt export` wrote, or that was made from one.
        threads: CPU threads inside an operator; None means as many as the process may use.
        observed: names of float32 tensors inside the graph, for `run_observed`.

    Raises:
        GraphError: the graph is not one of GridRT's, is unsound, or ONNX Runtime cannot open it.
    """
    from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession

    return OnnxRuntimeSession(graph, ["CPUExecutionProvider"], threads, observed)
