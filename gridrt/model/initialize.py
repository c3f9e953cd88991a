"""Weights to start training from."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from gridrt.model.bbox_head import RegressingBBoxHead
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.grid_roi_head import GridRoIHead

_Draw = Callable[[Tensor], object]

_kaiming: _Draw = partial(nn.init.kaiming_normal_, mode="fan_out", nonlinearity="relu")
_xavier: _Draw = nn.init.xavier_uniform_
# Few grid cells hold a point: the heatmaps start at this probability, or the empty cells would swamp the first steps.
_CELL_PRIOR = 0.01


def initialize(model: GridRCNN) -> None:
    """Draw every weight anew, in place, from torch's global generator.

    The backbone too; the published recipe puts ImageNet weights there instead.
    """
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
            module.reset_parameters()
    _fill(model.backbone, _kaiming)
    _fill(model.neck, _xavier)
    _fill(model.rpn_head, _normal(0.01))
    bbox_head = model.roi_head.bbox_head
    _fill(bbox_head.shared_fcs, _xavier)
    _fill(bbox_head.fc_cls, _normal(0.01))
    if isinstance(bbox_head, RegressingBBoxHead):
        _fill(bbox_head.fc_reg, _normal(0.001))
    if isinstance(model.roi_head, GridRoIHead):
        grid_head = model.roi_head.grid_head
        _fill(grid_head, _kaiming)
        _fill(grid_head.deconv1, _normal(0.001))
        _fill(grid_head.deconv2, _normal(0.001), bias=math.log(_CELL_PRIOR / (1 - _CELL_PRIOR)))


def _normal(std: float) -> _Draw:
    return partial(nn.init.normal_, std=std)


def _fill(part: nn.Module, draw: _Draw, bias: float = 0.0) -> None:
    """Draw the weights of all layers in a part; its biases are all the same."""
    for layer in part.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            draw(layer.weight)
            if layer.bias is not None:
                nn.init.constant_(layer.bias, bias)
