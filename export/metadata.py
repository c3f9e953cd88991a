"""The ONNX metadata of an exported graph."""

from __future__ import annotations

import json

import onnx.helper
import torch
from onnx import ModelProto

import gridrt
from gridrt.config import SIZE_DIVISOR
from gridrt.graph.metadata import (
    CLASSES_KEY,
    INPUT_KEY,
    PARENT_KEY,
    VARIANT_KEY,
    WEIGHTS_KEY,
    detections_to_metadata,
)
from gridrt.model.checkpoint import weights_sha256
from gridrt.model.grid_rcnn import GridRCNN

INPUT_RULE = {
    "layout": "NHWC",
    "color": "RGB",
    "dtype": "uint8",
    "padding": "zeros, right and bottom",
    "size_divisor": SIZE_DIVISOR,
}


def describe(graph: ModelProto, model: GridRCNN, parent_sha256: str) -> None:
    """Write the metadata into `graph`: variant, classes, identity, parent, versions, input rule and thresholds."""
    scale = {} if model.scale is None else {"scale": model.scale}  # else the user may know it
    onnx.helper.set_model_props(
        graph,
        {
            "gridrt.version": gridrt.__version__,
            VARIANT_KEY: model.variant,
            CLASSES_KEY: json.dumps(model.class_names),
            WEIGHTS_KEY: weights_sha256(model),
            PARENT_KEY: parent_sha256,
            "gridrt.torch_version": torch.__version__,
            INPUT_KEY: json.dumps(INPUT_RULE | scale),
        }
        | detections_to_metadata(model.roi_head.detections),
    )
    graph.producer_name, graph.producer_version = "gridrt", gridrt.__version__
