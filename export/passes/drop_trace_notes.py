"""Remove the exporter's notes on the trace: source lines and file paths.

Conv {pkg.torch.onnx.stack_trace: "File /home/..."}  ->  Conv
"""

from __future__ import annotations

from onnx import ModelProto


def drop_trace_notes(model: ModelProto) -> None:
    """Clear the notes of every part of `model`, in place."""
    graph = model.graph
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.metadata_props[:]
    graph.doc_string = ""
