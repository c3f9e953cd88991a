"""The detector in the form that torch.export can trace: the same stages, custom ops as symbols.

Everything that serves tracing is here; the model knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from gridrt.errors import GridRTError
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.grid_roi_head import GridRoIHead
from gridrt.model.roi_head import DetectionRows
from gridrt.ops.custom_ops import CustomOps
from gridrt.ops.grid_fusion import FusionWeights
from gridrt.plugins.batched_nms.contract import BATCHED_NMS
from gridrt.plugins.contract import VERSION
from gridrt.plugins.grid_fusion.contract import GRID_FUSION
from gridrt.plugins.multi_level_roi_align.contract import MULTI_LEVEL_ROI_ALIGN
from gridrt.runtime.static_grid_rcnn import StaticGridRCNN


class ExportableGridRCNN(nn.Module):
    """Runs a `GridRCNN` with its three custom ops standing as nodes of the `gridrt` domain.

    Args:
        model: with a grid.

    Raises:
        GridRTError: it has none.
    """

    def __init__(self, model: GridRCNN) -> None:
        super().__init__()
        self.model = _OpenRows(model, _SYMBOLS)

    def forward(self, images: Tensor, image_sizes: Tensor) -> DetectionRows:
        """As `GridRCNN.forward`."""
        return DetectionRows(*self.model(images, image_sizes))


class _OpenRows(StaticGridRCNN):
    def rows(self, used: Tensor) -> int:
        """As many as the fullest image has, and at least one: a value in the graph."""
        rows = cast("int", used.sum(1).max().clamp(min=1).item())
        # The tracer learns the range of a value in the graph only this way.
        torch._check(rows >= 1)  # noqa: SLF001
        torch._check(rows <= used.shape[1])  # noqa: SLF001
        return rows


def grid_roi_head(model: GridRCNN) -> GridRoIHead:
    """The second stage of a detector that can be exported.

    Raises:
        GridRTError: it has no grid: Faster R-CNN is there to compare accuracy with.
    """
    if not isinstance(model.roi_head, GridRoIHead):
        raise GridRTError(
            "Faster R-CNN, the baseline, cannot be exported",
            value=model.variant,
            remedy="Run this checkpoint with PyTorch, or export one of a variant with a grid, such as r50.",
        )
    return model.roi_head


def _multi_level_roi_align(
    features: Sequence[Tensor], rois: Tensor, strides: Sequence[int], output_size: int
) -> Tensor:
    return torch.onnx.ops.symbolic(
        MULTI_LEVEL_ROI_ALIGN.qualified_name,
        (*features, rois),
        MULTI_LEVEL_ROI_ALIGN.node_attributes(output_size=output_size, strides=list(strides)),
        dtype=features[0].dtype,
        shape=(rois.shape[0], features[0].shape[1], output_size, output_size),
        version=VERSION,
    )


def _grid_fusion(features: Tensor, first: FusionWeights, second: FusionWeights) -> Tensor:
    return torch.onnx.ops.symbolic(
        GRID_FUSION.qualified_name,
        (features, *first, *second),
        GRID_FUSION.node_attributes(),
        dtype=features.dtype,
        shape=features.shape,
        version=VERSION,
    )


def _batched_nms(
    boxes: Tensor, scores: Tensor, groups: Tensor, *, iou_threshold: float, score_threshold: float, max_output: int
) -> tuple[Tensor, Tensor, Tensor]:
    rows = (boxes.shape[0], max_output)
    out = torch.onnx.ops.symbolic_multi_out(
        BATCHED_NMS.qualified_name,
        (boxes, scores, groups),
        BATCHED_NMS.node_attributes(
            iou_threshold=iou_threshold, score_threshold=score_threshold, max_output=max_output
        ),
        dtypes=(torch.float32, torch.float32, torch.int32),
        shapes=((*rows, 4), rows, rows),
        version=VERSION,
    )
    return out[0], out[1], out[2]


_SYMBOLS = CustomOps(_multi_level_roi_align, _grid_fusion, _batched_nms)
