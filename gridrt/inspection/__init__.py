"""What a file holds, told without running it."""

from __future__ import annotations

from pathlib import Path

from gridrt.inspection.checkpoint import CheckpointSummary, checkpoint_summary
from gridrt.inspection.engine import EngineSummary, engine_summary
from gridrt.inspection.graph import GraphSummary, graph_summary
from gridrt.model.kinds import is_engine, is_graph, refuse_needless_trust

__all__ = ["CheckpointSummary", "EngineSummary", "GraphSummary", "inspect_file"]


def inspect_file(path: Path, *, trust_checkpoint: bool = False) -> CheckpointSummary | GraphSummary | EngineSummary:
    """Tell what the checkpoint, or by its suffix the ONNX file or the engine, at `path` holds.

    Raises:
        CheckpointError, GraphError, EngineError: it is none of them, or cannot be read.
        GridRTError: an ONNX file or an engine that is to be trusted.
    """
    refuse_needless_trust(path, trust_checkpoint=trust_checkpoint)
    if is_graph(path):
        return graph_summary(path)
    if is_engine(path):
        return engine_summary(path)
    return checkpoint_summary(path, trust_checkpoint=trust_checkpoint)
