"""Detect with ONNX Runtime alone, without GridRT: python examples/bare_onnxruntime.py r50.onnx street.jpg."""

from __future__ import annotations

import json
import sys
from typing import Any

import cv2
import numpy as np
import onnxruntime as ort


def prepare(image: np.ndarray, scale: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Resize RGB [h, w, 3] as for the training, and pad it: images [1, H, W, 3], image_sizes [1, 2]."""
    height, width = image.shape[:2]
    factor = min(max(scale) / max(height, width), min(scale) / min(height, width))
    new_height, new_width = int(height * factor + 0.5), int(width * factor + 0.5)
    resized = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_LINEAR)
    padded = np.zeros((1, -(-new_height // 32) * 32, -(-new_width // 32) * 32, 3), np.uint8)
    padded[0, :new_height, :new_width] = resized
    return padded, np.array([[new_height, new_width]], np.int32)


def detect(model: str, image_file: str, threshold: float = 0.3) -> list[dict[str, Any]]:
    """Boxes in pixels of the image, with scores and names."""
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    notes = session.get_modelmeta().custom_metadata_map
    names, scale = json.loads(notes["gridrt.classes"]), json.loads(notes["gridrt.input"])["scale"]
    image = cv2.cvtColor(np.asarray(cv2.imread(image_file), np.uint8), cv2.COLOR_BGR2RGB)
    images, sizes = prepare(image, scale)
    boxes, scores, labels = session.run(["boxes", "scores", "labels"], {"images": images, "image_sizes": sizes})
    back = np.tile(np.array(image.shape[1::-1]) / sizes[0, ::-1], 2)  # resized to original pixels, for x, y, x, y
    return [
        {"name": names[label], "score": float(score), "box": (box * back).tolist()}
        for box, score, label in zip(boxes[0], scores[0], labels[0], strict=True)
        if score >= threshold
    ]


if __name__ == "__main__":
    model, image_file = sys.argv[1:]
    for found in detect(model, image_file):
        print(json.dumps(found))
