"""What a file holds, told without running it."""

from __future__ import annotations

from pathlib import Path

from gridrt.inspection.checkpoint import CheckpointSummary, checkpoint_summary
from gridrt.inspection.graph import GraphSummary, graph_summary

__all__ = ["CheckpointSummary", "GraphSummary", "inspect_file"]


def inspect_file(path: Path, *, trust_checkpoint: bool = False) -> CheckpointSummary | GraphSummary:
    """Tell what the checkpoint or the ONNX file (by its suffix) at `path` holds.

    Raises:
        CheckpointError, GraphError: it is neither, or cannot be read.
    """
    if path.suffix == ".onnx":
        return graph_summary(path)
    return checkpoint_summary(path, trust_checkpoint=trust_checkpoint)
