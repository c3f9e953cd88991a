"""A detector of the graph's contract that runs in a millisecond: a scene is found in what is bright enough."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper
from onnx import ModelProto

from gridrt.calib.recipe import Recipe, Rule
from gridrt.data.image import load_image, save_image
from gridrt.detector import Detector
from gridrt.runtime.onnxruntime.session import OnnxRuntimeSession
from gridrt.types import UInt8Array
from tests.calib.graphs import Array, model_of

SCALE = (64, 32)

# The grid head sees brightness, made large, and a share of red, by which it draws the box in: one step of int8, wide
# enough for the one, swallows the other.
TEXT = """
small_detector (uint8[B,H,W,3] images, int32[B,2] image_sizes)
    => (float[B,1,4] boxes, float[B,1] scores, int32[B,1] labels)
{
    ["normalize/Transpose"] planes = Transpose <perm = [0, 3, 1, 2]> (images)
    ["normalize/Cast"] pixels = Cast <to = 1> (planes)
    ["normalize/Div"] normalized = Div (pixels, white)
    ["backbone.conv1/Conv"] conv1 = Conv <strides = [2, 2], pads = [1, 1, 1, 1]> (normalized, conv1_weight, conv1_bias)
    ["backbone/Relu"] entered = Relu (conv1)
    ["backbone.layer1.0.conv1/Conv"] main = Conv (entered, layer1_weight, layer1_bias)
    ["backbone.layer1.0/Add"] joined = Add (main, entered)
    ["backbone.layer1.0/Relu"] features = Relu (joined)
    ["roi_head.bbox_head/ReduceMean"] vector = ReduceMean <keepdims = 0> (features, plane)
    ["roi_head.bbox_head.fc_cls/Gemm"] logits = Gemm <transB = 1> (vector, fc_weight, fc_bias)
    ["Sigmoid"] score = Sigmoid (logits)
    ["Greater"] is_found = Greater (score, even)
    ["Where"] scores = Where (is_found, score, nothing)
    ["Where_1"] labels = Where (is_found, scene, unused)
    ["MultiLevelRoiAlign"] regions = Mul (features, enlarging)
    ["roi_head.grid_head.convs.0.conv/Conv"] grid = Conv (regions, grid_weight, grid_bias)
    ["roi_head.grid_head.convs.0/Relu"] heat = Relu (grid)
    ["ReduceMean"] drawn = ReduceMean <keepdims = 0> (heat, plane)
    ["Sub"] margin = Sub (drawn, offset)
    ["Cast"] sizes = Cast <to = 1> (image_sizes)
    ["Gather"] far = Gather <axis = 1> (sizes, swapped)
    ["Mul"] near_corner = Mul (far, margin)
    ["Sub_1"] far_corner = Sub (far, near_corner)
    ["Concat"] corners = Concat <axis = 1> (near_corner, far_corner)
    ["Cast_1"] zero_or_one = Cast <to = 1> (is_found)
    ["Mul_1"] kept = Mul (corners, zero_or_one)
    ["Unsqueeze"] boxes = Unsqueeze (kept, row)
}
"""


def small_detector(offset: float = 0.0) -> ModelProto:
    """The graph.

    Args:
        offset: is added to the heat in the grid head and taken off in the decode; a large one leaves half precision no
            digits for what is between.
    """
    conv1 = np.zeros((4, 3, 3, 3), np.float32)
    conv1[0, :, 1, 1] = 0.25  # brightness
    conv1[1, 0, 1, 1] = 0.25  # red
    conv1[2] = np.random.default_rng(0).normal(size=(3, 3, 3)) / 9
    weights: dict[str, Array] = {
        "white": np.array(255, np.float32),
        "enlarging": np.array([400, 1, 1, 1], np.float32)[:, None, None],
        "conv1_weight": conv1,
        "conv1_bias": np.zeros(4, np.float32),  # the fourth channel is dead
        "layer1_weight": np.diag([0.5, 0, 1, 1]).astype(np.float32)[:, :, None, None],
        "layer1_bias": np.array([0, 0, 0.1, 0], np.float32),
        "fc_weight": np.array([[8, 0, 0.1, 0]], np.float32),
        "fc_bias": np.array([-1.5], np.float32),
        "grid_weight": np.array([0, 1, 0, 0], np.float32)[None, :, None, None],
        "grid_bias": np.array([offset], np.float32),
        "offset": np.array(offset, np.float32),
        "plane": np.array([2, 3]),
        "even": np.array(0.5, np.float32),
        "nothing": np.array(0, np.float32),
        "scene": np.array(0, np.int32),
        "unused": np.array(-1, np.int32),
        "swapped": np.array([1, 0]),
        "row": np.array([1]),
    }
    model = model_of(TEXT, weights)
    onnx.helper.set_model_props(model, {"gridrt.classes": '["scene"]', "gridrt.input": '{"scale": [64, 32]}'})
    return model


def write_detector(path: Path, offset: float = 0.0) -> Path:
    """Write the graph to `path`."""
    onnx.save(small_detector(offset), path)
    return path


def picture(brightness: int, red: int = 0, size: tuple[int, int] = (32, 64)) -> UInt8Array:
    """Noise around a brightness, and more red; bright ones show a scene."""
    noise = np.random.default_rng(brightness + red).integers(0, 20, (*size, 3))
    pixels = noise + np.array([brightness + red, brightness, brightness])
    return np.asarray(pixels.clip(0, 255), np.uint8)


def write_pictures(folder: Path, count: int = 4) -> list[Path]:
    """Write so many pictures, of which all but the first show a scene, the later the redder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number}.png" for number in range(count)]
    for number, path in enumerate(paths):
        save_image(path, picture(10) if number == 0 else picture(150, red=80 - 20 * (number % 4)))
    return paths


def write_truth(path: Path, folder: Path, graph: Path) -> Path:
    """Annotate the pictures of `folder` with what the graph in FP32 finds in them, so that it has an AP of 100."""
    detector = Detector(OnnxRuntimeSession(graph, ["CPUExecutionProvider"], threads=1), SCALE)
    content: dict[str, Any] = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "scene"}]}
    for number, name in enumerate(sorted(folder.glob("*.png"))):
        image = load_image(name)
        height, width = image.shape[:2]
        content["images"].append({"id": number, "file_name": name.name, "width": width, "height": height})
        for x1, y1, x2, y2 in detector([image])[0].boxes.tolist():
            content["annotations"].append(
                {"id": number, "image_id": number, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1]}
            )
    path.write_text(json.dumps(content))
    return path


def small_recipe(*more: Rule) -> Recipe:
    """All modules in INT8, and more rules after that."""
    rules = (Rule("backbone*", "int8", "fast"), Rule("roi_head*", "int8", "fast"))
    return Recipe("own", "all in INT8", rules + more, "own.toml")
