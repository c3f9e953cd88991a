"""Passes over a freshly traced graph, one per file, in this order; for engines `static_rows` and `ahead_of_time`."""

from __future__ import annotations

from collections.abc import Callable

from onnx import ModelProto

from gridrt.export.passes.drop_trace_notes import drop_trace_notes
from gridrt.export.passes.name_by_module import name_by_module

# Names are made from the notes, so these go last.
PASSES: tuple[Callable[[ModelProto], None], ...] = (name_by_module, drop_trace_notes)


def run_passes(model: ModelProto) -> None:
    """Apply every pass to `model`, in place."""
    for rewrite in PASSES:
        rewrite(model)
