"""What PyTorch would launch in the place of the kernels."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional as F

from gridrt.ops.grid import EDGES, POINTS
from gridrt.ops.grid_fusion import FusionWeights
from gridrt.ops.nms import batched_nms
from gridrt.ops.roi_align import multi_level_roi_align, roi_levels

Rival: TypeAlias = tuple[str, Callable[[], object]]
"""Its name, and the call."""

WITHOUT_TORCHVISION = "(no torchvision here)"


def torchvision_ops() -> Any:  # noqa: ANN401 - a module, or None
    """The rival's ops; None where they do not load, or have no kernels for this GPU."""
    try:
        ops = importlib.import_module("torchvision.ops")
        ops.nms(torch.zeros((1, 4), device="cuda"), torch.zeros(1, device="cuda"), 0.5)
    except Exception:  # noqa: BLE001 - a broken package may raise anything
        return None
    return ops


def roi_align_by_level(maps: Sequence[Tensor], rois: Tensor, strides: Sequence[int], bins: int) -> Rival:
    """One call of torchvision for each level, and the results in one tensor; else the definition in torch."""
    ops = torchvision_ops()
    if ops is None:
        name = f"gridrt.ops.roi_align {WITHOUT_TORCHVISION}"
        return name, lambda: multi_level_roi_align(maps, rois, strides, bins)

    def call() -> Tensor:
        levels = roi_levels(rois[:, 1:], len(maps))
        pooled = maps[0].new_zeros((len(rois), maps[0].shape[1], bins, bins))
        for index, (feature, stride) in enumerate(zip(maps, strides, strict=True)):
            chosen = (levels == index).nonzero()[:, 0]
            pooled[chosen] = ops.roi_align(feature, rois[chosen].to(feature.dtype), bins, 1 / stride, aligned=True)
        return pooled

    return "torchvision roi_align by level", call


def convolution_pairs(features: Tensor, orders: Sequence[FusionWeights]) -> Rival:
    """A depth-wise and a point-wise convolution for each edge and order, as the reference has them: 48 pairs."""

    def call() -> Tensor:
        points = unfused = list(features.chunk(POINTS, 1))
        for weights in orders:
            parts = list(zip(*(tensor.chunk(len(EDGES)) for tensor in weights), strict=True))
            points = _fused_once(unfused, points, parts)
        return torch.cat(points, 1)

    return "48 convolution pairs", call


def _fused_once(unfused: list[Tensor], points: list[Tensor], parts: list[tuple[Tensor, ...]]) -> list[Tensor]:
    fused = list(unfused)
    for (source, target), (depthwise, depthwise_bias, pointwise, pointwise_bias) in zip(EDGES, parts, strict=True):
        sent = F.conv2d(points[source], depthwise, depthwise_bias, padding=2, groups=depthwise.shape[0])
        fused[target] = fused[target] + F.conv2d(sent, pointwise, pointwise_bias)
    return fused


def nms_of_torch(inputs: Sequence[Tensor], attributes: Mapping[str, Any]) -> Rival:
    """Torchvision's, of one image; else the definition in torch."""
    boxes, scores, groups = inputs
    ops = torchvision_ops()
    if ops is None:
        name = f"gridrt.ops.nms.batched_nms {WITHOUT_TORCHVISION}"
        return name, lambda: batched_nms(boxes, scores, groups, **attributes)

    def call() -> Tensor:
        row, column = (scores[0] > attributes["score_threshold"]).nonzero(as_tuple=True)
        kept: Tensor = ops.batched_nms(
            boxes[0, row], scores[0, row, column], groups[row] + column, attributes["iou_threshold"]
        )
        return kept[: attributes["max_output"]]

    return "torchvision batched_nms", call
