"""The detector in the form that torch.export can follow: same parts, same order, custom ops as symbols.

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
from gridrt.model.roi_head import DetectionRows, as_rois
from gridrt.model.rpn_head import UNUSED, Proposals
from gridrt.ops.grid_decode import grid_decode
from gridrt.plugins.batched_nms.contract import BATCHED_NMS
from gridrt.plugins.contract import VERSION
from gridrt.plugins.grid_fusion.contract import GRID_FUSION
from gridrt.plugins.multi_level_roi_align.contract import MULTI_LEVEL_ROI_ALIGN


class ExportableGridRCNN(nn.Module):
    """Runs a `GridRCNN` with its three custom ops standing as nodes of the `gridrt` domain.

    Args:
        model: with a grid.

    Raises:
        GridRTError: it has none.
    """

    def __init__(self, model: GridRCNN) -> None:
        super().__init__()
        self.model = model
        for order, weights in zip(("first", "second"), grid_roi_head(model).grid_head.fusion_weights(), strict=True):
            # Stacked once here, so that the file stores them once and as constants.
            for name, weight in zip(weights._fields, weights, strict=True):
                self.register_buffer(f"{order}_{name}", weight.detach().clone())

    def forward(self, images: Tensor, image_sizes: Tensor) -> DetectionRows:
        """As `GridRCNN.forward`."""
        model = self.model
        pyramid = model.neck(model.backbone(model.normalize(images, image_sizes)))
        return self.locate(pyramid, self.classify(pyramid, self.propose(pyramid, image_sizes)))

    def propose(self, pyramid: Sequence[Tensor], image_sizes: Tensor) -> Proposals:
        """As `RPNHead.propose`."""
        rpn = self.model.rpn_head
        boxes, scores = rpn.candidates(rpn(pyramid), image_sizes, rpn.proposals)
        boxes, scores, levels = _batched_nms(
            boxes,
            scores.unsqueeze(-1),
            rpn.candidate_levels(boxes.device, rpn.proposals),
            iou_threshold=rpn.proposals.iou_threshold,
            score_threshold=UNUSED,
            max_output=rpn.proposals.max_proposals,
        )
        return Proposals(boxes, scores, levels >= 0)

    def classify(self, pyramid: Sequence[Tensor], proposals: Proposals) -> DetectionRows:
        """As `GridRoIHead.classify`."""
        head = self.model.roi_head
        logits = head.bbox_head(self._pool(pyramid, proposals.boxes, head.rois.classify_size))
        return DetectionRows(
            *_batched_nms(
                proposals.boxes,
                head.class_scores(logits, proposals.used),
                torch.zeros(proposals.boxes.shape[1], dtype=torch.int32),
                iou_threshold=head.detections.iou_threshold,
                score_threshold=head.detections.score_threshold,
                max_output=head.detections.max_detections,
            )
        )

    def locate(self, pyramid: Sequence[Tensor], detections: DetectionRows) -> DetectionRows:
        """As `GridRoIHead.locate`; the number of rows that are worked on becomes a value in the graph."""
        head = grid_roi_head(self.model)
        used = detections.labels >= 0
        rows = cast("int", used.sum(1).max().clamp(min=1).item())
        # The one way to tell the tracer what a value in the graph can be.
        torch._check(rows >= 1)  # noqa: SLF001
        torch._check(rows <= head.detections.max_detections)  # noqa: SLF001
        boxes = detections.boxes[:, :rows]
        features = self._pool(pyramid, boxes, head.rois.grid_size)
        heatmaps = head.grid_head.heatmaps(self._grid_fusion(head.grid_head.convs(features)))
        located = grid_decode(heatmaps, boxes.flatten(0, 1)).view_as(boxes)
        padding = boxes.new_zeros(1).expand(boxes.shape[0], head.detections.max_detections - rows, 4)
        located = torch.cat((located, padding), 1)
        return detections._replace(boxes=torch.where(used.unsqueeze(-1), located, 0.0))

    def _pool(self, pyramid: Sequence[Tensor], boxes: Tensor, size: int) -> Tensor:
        strides = self.model.roi_head.rois.strides
        rois = as_rois(boxes)
        return torch.onnx.ops.symbolic(
            MULTI_LEVEL_ROI_ALIGN.qualified_name,
            (*pyramid[: len(strides)], rois),
            MULTI_LEVEL_ROI_ALIGN.node_attributes(output_size=size, strides=list(strides)),
            dtype=pyramid[0].dtype,
            shape=(rois.shape[0], pyramid[0].shape[1], size, size),
            version=VERSION,
        )

    def _grid_fusion(self, points: Tensor) -> Tensor:
        return torch.onnx.ops.symbolic(
            GRID_FUSION.qualified_name,
            (points, *(getattr(self, name) for name in GRID_FUSION.inputs[1:])),
            GRID_FUSION.node_attributes(),
            dtype=points.dtype,
            shape=points.shape,
            version=VERSION,
        )


def grid_roi_head(model: GridRCNN) -> GridRoIHead:
    """The second stage of a detector that can be exported.

    Raises:
        GridRTError: it has no grid: Faster R-CNN is there to compare accuracy with.
    """
    if not isinstance(model.roi_head, GridRoIHead):
        raise GridRTError(
            "only Grid R-CNN can be exported, not its baseline Faster R-CNN",
            value=model.variant,
            remedy="Run this checkpoint with PyTorch, or export one of a variant with a grid, such as r50.",
        )
    return model.roi_head


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
