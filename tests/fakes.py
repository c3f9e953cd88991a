"""Stand-ins that let everything around a model be tested without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnx.helper
import onnx.parser

from gridrt.runtime.info import ModelInfo
from gridrt.types import Int32Array, RawDetections, UInt8Array


@dataclass
class FakeSession:
    """Finds the same in every image: rows of (x1, y1, x2, y2, score, label), padded with one unused row."""

    rows: Sequence[tuple[float, float, float, float, float, int]] = ((10, 20, 30, 40, 0.9, 1), (0, 0, 8, 8, 0.4, 0))
    class_names: tuple[str, ...] = ("cat", "dog")
    scale: tuple[int, int] | None = (1333, 800)
    shapes_seen: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def info(self) -> ModelInfo:
        return ModelInfo(self.class_names, self.scale, "fake", "fp32", "nothing", "nowhere")

    def run(self, images: UInt8Array, image_sizes: Int32Array) -> RawDetections:
        self.shapes_seen.append(images.shape)
        table = np.array([*self.rows, (0, 0, 0, 0, 0, -1)], np.float32)
        batch = np.repeat(table[None], len(image_sizes), axis=0)
        return RawDetections(batch[..., :4], batch[..., 4], batch[..., 5].astype(np.int32))


WHOLE_IMAGE_GRAPH = """
<ir_version: 10, opset_import: ["" : 20]>
whole_image (uint8[B,H,W,3] images, int32[B,2] image_sizes)
    => (float[B,1,4] boxes, float[B,1] scores, int32[B,1] labels)
{
    sizes = Cast<to: int = 1>(image_sizes)
    width_first = Constant<value_ints: ints = [1, 0]>()
    far_corner = Gather<axis: int = 1>(sizes, width_first)
    near_corner = Sub(far_corner, far_corner)
    corners = Concat<axis: int = 1>(near_corner, far_corner)
    row = Constant<value_ints: ints = [1]>()
    boxes = Unsqueeze(corners, row)
    pixels = Cast<to: int = 1>(images)
    all_pixels = Constant<value_ints: ints = [1, 2, 3]>()
    brightness = ReduceMean<keepdims: int = 0>(pixels, all_pixels)
    white = Constant<value_float: float = 255.0>()
    fraction = Div(brightness, white)
    scores = Unsqueeze(fraction, row)
    zeros = Sub(scores, scores)
    labels = Cast<to: int = 6>(zeros)
}
"""


def whole_image_graph(
    text: str = WHOLE_IMAGE_GRAPH, classes: str | None = '["scene"]', input_rule: str | None = None
) -> onnx.ModelProto:
    """A graph of the contract that finds one object: the whole image, with its mean brightness as the score."""
    model = onnx.parser.parse_model(text)
    metadata = {"gridrt.classes": classes, "gridrt.input": input_rule}
    onnx.helper.set_model_props(model, {key: text for key, text in metadata.items() if text is not None})
    return model
