"""Grid R-CNN in a form for machines that record what is launched: same parts, same order, custom ops from outside.

The model knows nothing of it. Every shape follows from those of the inputs, and no value is asked for while it runs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gridrt.errors import GridRTError
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.grid_roi_head import GridRoIHead
from gridrt.model.roi_head import DetectionRows, as_rois
from gridrt.model.rpn_head import UNUSED, Proposals
from gridrt.ops.grid_decode import grid_decode
from gridrt.ops.grid_fusion import FusionWeights
from gridrt.plugins.custom_ops import CustomOps


class StaticGridRCNN(nn.Module):
    """Detects what a `GridRCNN` detects.

    Args:
        model: with a grid, in eval mode; kept.
        ops: what does the custom ops.

    Raises:
        GridRTError: the model has no grid.
    """

    def __init__(self, model: GridRCNN, ops: CustomOps) -> None:
        super().__init__()
        self.model, self.ops = model, ops
        for order, weights in zip(("first", "second"), self._head.grid_head.fusion_weights(), strict=True):
            # Stacked once here, so that a graph has them once and as constants.
            for name, weight in zip(weights._fields, weights, strict=True):
                self.register_buffer(f"{order}_{name}", weight.detach().clone())

    def forward(self, images: Tensor, image_sizes: Tensor) -> DetectionRows:
        """As `GridRCNN.forward`."""
        pyramid = self.model.pyramid(images, image_sizes)
        return self.locate(pyramid, self.classify(pyramid, self.propose(pyramid, image_sizes)))

    def propose(self, pyramid: Sequence[Tensor], image_sizes: Tensor) -> Proposals:
        """As `RPNHead.propose`."""
        rpn = self.model.rpn_head
        boxes, scores = rpn.candidates(rpn(pyramid), image_sizes, rpn.proposals)
        boxes, scores, levels = self.ops.batched_nms(
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
            *self.ops.batched_nms(
                proposals.boxes,
                head.class_scores(logits, proposals.used),
                torch.zeros(proposals.boxes.shape[1], dtype=torch.int32, device=logits.device),
                iou_threshold=head.detections.iou_threshold,
                score_threshold=head.detections.score_threshold,
                max_output=head.detections.max_detections,
            )
        )

    def locate(self, pyramid: Sequence[Tensor], detections: DetectionRows) -> DetectionRows:
        """As `GridRoIHead.locate`, but for the number of rows that are worked on."""
        used = detections.labels >= 0
        boxes = detections.boxes[:, : self.rows(used)]
        head = self._head
        points = head.grid_head.convs(self._pool(pyramid, boxes, head.rois.grid_size))
        heatmaps = head.grid_head.heatmaps(self.ops.grid_fusion(points, *self._fusion_weights()))
        located = grid_decode(heatmaps, boxes.flatten(0, 1)).view_as(boxes)
        padding = boxes.new_zeros(1).expand(boxes.shape[0], used.shape[1] - boxes.shape[1], 4)
        located = torch.cat((located, padding), 1)
        return detections._replace(boxes=torch.where(used.unsqueeze(-1), located, 0.0))

    def rows(self, used: Tensor) -> int:
        """How many rows of an image, of those that are used [B, D], the grid branch works on: all."""
        return used.shape[1]

    def _pool(self, pyramid: Sequence[Tensor], boxes: Tensor, size: int) -> Tensor:
        strides = self.model.roi_head.rois.strides
        return self.ops.multi_level_roi_align(pyramid[: len(strides)], as_rois(boxes), strides, size)

    def _fusion_weights(self) -> tuple[FusionWeights, FusionWeights]:
        first, second = (
            FusionWeights(*(getattr(self, f"{order}_{name}") for name in FusionWeights._fields))
            for order in ("first", "second")
        )
        return first, second

    @property
    def _head(self) -> GridRoIHead:
        head = self.model.roi_head
        if not isinstance(head, GridRoIHead):
            rule = "this form is of Grid R-CNN, not of its baseline Faster R-CNN"
            raise GridRTError(rule, value=self.model.variant, remedy="Run it with PyTorch, eagerly.")
        return head
