"""Rewrites of a graph that OpenVINO has read, where its operators differ from ONNX's.

| operator | ONNX | OpenVINO |
| --- | --- | --- |
| TopK | of equal values the lowest index comes first | any order |
| NonMaxSuppression | an overlap above the threshold suppresses | one at the threshold does, too |
| RoiAlign of a RoI without area | 0 | NaN |
"""

from __future__ import annotations

import numpy as np
from openvino import Model, Node, opset16
from openvino.op import Constant

from gridrt.errors import GraphError
from gridrt.runtime.openvino.stable_topk import stable_topk

OUTSIDE = np.array([[-4096, -4096, -4095, -4095]], np.float32)
"""A RoI of one pixel, outside every image at every stride: it pools zeros."""


def follow_onnx(model: Model) -> None:
    """Rewrite a model in place, so that its operators do as ONNX defines.

    Raises:
        GraphError: a TopK or a NonMaxSuppression has a form that no graph of GridRT has.
    """
    for node in model.get_ordered_ops():
        if node.get_type_name() == "TopK":
            _settle_ties(node)
        elif node.get_type_name() == "NonMaxSuppression":
            _keep_at_threshold(node)
        elif node.get_type_name() == "ROIAlign":
            _pool_zeros_without_area(node)
    model.validate_nodes_and_infer_types()


def _settle_ties(topk: Node) -> None:
    attributes = topk.get_attributes()
    values, count = topk.input_value(0), topk.input_value(1)
    if attributes["stable"]:
        return
    if values.get_partial_shape().rank != 2 or attributes["axis"] not in (1, -1) or attributes["mode"] != "max":
        raise GraphError("TopK must rank the largest values of each row of a table", place=topk.get_friendly_name())
    for number, (old, new) in enumerate(zip(topk.outputs(), stable_topk(values, count), strict=True)):
        new.get_node().set_friendly_name(f"{topk.get_friendly_name()}/{number}")
        old.replace(new)


def _keep_at_threshold(nms: Node) -> None:
    """Raise the threshold to the next float32: `iou > threshold` is `iou >= next` for every float32 iou."""
    threshold = nms.input_value(3).get_node()
    if not isinstance(threshold, Constant):
        raise GraphError("the IoU threshold must be a constant", place=nms.get_friendly_name())
    above = np.nextafter(threshold.data.astype(np.float32), np.float32(np.inf))
    normal = np.maximum(above, np.finfo(np.float32).tiny)  # a denormal number counts as 0
    nms.input(3).replace_source_output(opset16.constant(normal).output(0))


def _pool_zeros_without_area(roi_align: Node) -> None:
    rois = roi_align.input_value(1)  # [K, 4], xyxy
    near, far = opset16.split(rois, 1, 2).outputs()
    sides = opset16.subtract(far, near)  # [K, 2]
    has_area = opset16.greater(opset16.reduce_min(sides, np.array([1]), keep_dims=True), np.float32(0))
    roi_align.input(1).replace_source_output(opset16.select(has_area, rois, opset16.constant(OUTSIDE)).output(0))
