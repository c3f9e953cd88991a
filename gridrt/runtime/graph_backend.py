"""What backends of ONNX graphs share."""

from __future__ import annotations

from pathlib import Path

from gridrt.graph.content import is_onnx
from gridrt.graph.external_data import external_files
from gridrt.runtime.backend import Backend, SessionOptions, Summary


class GraphBackend(Backend):
    """Opens the graphs that `gridrt export` writes, in any precision."""

    suffixes = (".onnx",)
    options = frozenset({"threads", "device"})

    def opens(self, path: Path) -> bool:
        """Whether the file begins as ONNX files do."""
        return is_onnx(path)

    def weights_files(self, path: Path) -> list[Path]:
        """See `Backend.weights_files`; those of external data."""
        return [path, *external_files(path)]

    def summary(self, path: Path, options: SessionOptions) -> Summary:  # noqa: ARG002 - it needs none
        """See `Backend.summary`."""
        from gridrt.runtime.graph_summary import graph_summary

        return graph_summary(path)
