"""Detect with OpenVINO alone, without GridRT: python examples/bare_openvino.py r50.onnx street.jpg.

It takes a graph in FP32 or one of `gridrt calibrate --target cpu`. Where scores are equal, OpenVINO may order
detections differently from ONNX Runtime; `gridrt detect --backend openvino` settles such ties.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import cv2
import numpy as np
import onnx
import openvino as ov
from bare_onnxruntime import prepare  # type: ignore[import-not-found]  # beside this file
from onnx.inliner import inline_local_functions


def detect(model: str, image_file: str, threshold: float = 0.3) -> list[dict[str, Any]]:
    """Boxes in pixels of the image, with scores and names."""
    graph = onnx.load(model)
    notes = {entry.key: entry.value for entry in graph.metadata_props}
    names, scale = json.loads(notes["gridrt.classes"]), json.loads(notes["gridrt.input"])["scale"]
    inlined = inline_local_functions(graph).SerializeToString()  # OpenVINO reads no local functions
    core = ov.Core()
    # Else a processor with BF16 rounds the coordinates of regions to 4 pixels and more.
    compiled = core.compile_model(core.read_model(inlined), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    image = cv2.cvtColor(np.asarray(cv2.imread(image_file), np.uint8), cv2.COLOR_BGR2RGB)
    images, sizes = prepare(image, scale)
    results = compiled({"images": images, "image_sizes": sizes})
    boxes, scores, labels = (results[name][0] for name in ("boxes", "scores", "labels"))
    back = np.tile(np.array(image.shape[1::-1]) / sizes[0, ::-1], 2)  # resized to original pixels, for x, y, x, y
    return [
        {"name": names[label], "score": float(score), "box": (box * back).tolist()}
        for box, score, label in zip(boxes, scores, labels, strict=True)
        if score >= threshold
    ]


if __name__ == "__main__":
    model, image_file = sys.argv[1:]
    for found in detect(model, image_file):
        print(json.dumps(found))
