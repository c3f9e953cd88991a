"""Bodies of the custom ops in standard ONNX: with them in the file, any runtime can run it.

TensorRT takes a registered plugin of the same name instead; see `gridrt.plugins`.
"""

from __future__ import annotations

from onnx import FunctionProto

from gridrt.export.functions.batched_nms import batched_nms_body
from gridrt.export.functions.grid_fusion import grid_fusion_body
from gridrt.export.functions.multi_level_roi_align import multi_level_roi_align_body


def function_bodies(strides: tuple[int, ...], point_channels: int) -> list[FunctionProto]:
    """The bodies for a model that pools at these strides and has so many channels per grid point."""
    return [batched_nms_body(), multi_level_roi_align_body(strides), grid_fusion_body(point_channels)]
