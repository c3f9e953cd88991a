"""Weights and features in half precision; coordinates, deltas, scores and the decode stay in float32.

As in the recipe `fp16` of `gridrt.calib`.
"""

from __future__ import annotations

from torch import nn

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.grid_roi_head import GridRoIHead


def halve(model: GridRCNN) -> None:
    """Convert in place; inputs and outputs of the whole model stay as they are."""
    rpn, roi_head = model.rpn_head, model.roi_head
    features: list[nn.Module] = [model.backbone, model.neck, rpn.rpn_conv, roi_head.bbox_head]
    logits: list[nn.Module] = [roi_head.bbox_head]
    if isinstance(roi_head, GridRoIHead):
        features.append(roi_head.grid_head)
        logits.append(roi_head.grid_head.deconv2)
    for module in features:
        module.half()
    model.backbone.register_forward_pre_hook(lambda _module, inputs: inputs[0].half())
    for layer in (rpn.rpn_cls, rpn.rpn_reg):
        layer.register_forward_pre_hook(lambda _module, inputs: inputs[0].float())
    for module in logits:
        module.register_forward_hook(lambda _module, _inputs, output: output.float())
