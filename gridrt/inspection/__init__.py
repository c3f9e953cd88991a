"""What a file holds, told without running it."""

from __future__ import annotations

from pathlib import Path

from gridrt.inspection.checkpoint import CheckpointSummary, checkpoint_summary
from gridrt.inspection.graph import GraphSummary, graph_summary
from gridrt.model.kinds import is_graph, refuse_needless_trust

__all__ = ["CheckpointSummary", "GraphSummary", "inspect_file"]


def inspect_file(path: Path, *, trust_checkpoint: bool = False) -> CheckpointSummary | GraphSummary:
    """Tell what the checkpoint or the ONNX file (by its suffix) at `path` holds.

    Raises:
        CheckpointError, GraphError: it is neither, or cannot be read.
        GridRTError: an ONNX file that is to be trusted.
    """
    refuse_needless_trust(path, trust_checkpoint=trust_checkpoint)
    if is_graph(path):
        return graph_summary(path)
    return checkpoint_summary(path, trust_checkpoint=trust_checkpoint)
