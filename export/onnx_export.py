"""One ONNX file of a detector: standard ops only, and custom ops that carry their own bodies."""

from __future__ import annotations

import hashlib
from pathlib import Path

from onnx import ModelProto

from gridrt.export.exportable import grid_roi_head
from gridrt.export.metadata import describe
from gridrt.export.passes import run_passes
from gridrt.export.trace import graph_from_model
from gridrt.files import write_bytes
from gridrt.graph.graph import Graph
from gridrt.graph.value_info import note_value_info
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.plugins.function_bodies import function_bodies
from gridrt.plugins.function_text import DetectorShape

IR_VERSION = 9
"""The oldest that has opset 20, which ONNX Runtime reads since 1.17; PyTorch writes a later one."""


def onnx_from_model(model: GridRCNN, parent_sha256: str) -> ModelProto:
    """The complete graph of `model`.

    Args:
        model: in eval mode.
        parent_sha256: SHA-256 of the file that the weights came from.

    Raises:
        GridRTError: the model has no grid.
    """
    roi_head = grid_roi_head(model)
    graph = graph_from_model(model)
    run_passes(graph)
    graph.functions.extend(function_bodies(DetectorShape(roi_head.rois.strides, roi_head.grid_head.point_channels)))
    describe(graph, model, parent_sha256)
    graph.ir_version = IR_VERSION
    note_value_info(graph)
    return graph


def save_onnx(model: ModelProto, file: Path) -> Graph:
    """Write a graph, atomically, and return it as `gridrt.graph.graph.load_graph` would read it.

    Raises:
        OutputError: it cannot be written.
    """
    content = model.SerializeToString()
    write_bytes(file, content)
    return Graph(model, file, hashlib.sha256(content).hexdigest())
