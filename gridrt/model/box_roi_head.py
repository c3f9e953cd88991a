"""The second stage of Faster R-CNN (Ren et al., 2015): classify the proposals, and regress a box for each class.

Shapes: B images, R proposal rows, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gridrt.config import DetectionConfig, RoiConfig, RoITrainConfig
from gridrt.model.bbox_head import RegressingBBoxHead
from gridrt.model.box_regression import box_loss, class_boxes
from gridrt.model.roi_head import Classified, RoIHead
from gridrt.model.roi_loss import class_loss
from gridrt.model.rpn_head import Proposals
from gridrt.ops.randomness import Randomness
from gridrt.types import GroundTruth


class BoxRoIHead(RoIHead):
    """The baseline of the grid head: box regression in its place, all stages before it the same.

    Box regression is as in mmdetection's `faster_rcnn_r50_fpn`: class-specific deltas with its standard deviations,
    their L1 loss, and 0.05 and 0.5 as thresholds of detections, since regressed boxes may be suppressed at a larger
    overlap than proposals. Everything else is as in Grid R-CNN, in training too, so that a comparison measures the box
    branches alone: the RPN with its smooth L1 loss and its 2000 proposals in training, and the assignment and the
    sampling of RoIs.

    Args:
        bbox_head: classifies and regresses.
        rois: where features are pooled.
        detections: how many are kept, and how far they may overlap.
        train_config: which RoIs it learns from.
    """

    bbox_head: RegressingBBoxHead

    def __init__(
        self,
        bbox_head: RegressingBBoxHead,
        rois: RoiConfig = RoiConfig(),  # noqa: B008 - frozen
        detections: DetectionConfig = DetectionConfig(score_threshold=0.05, iou_threshold=0.5),  # noqa: B008 - frozen
        train_config: RoITrainConfig = RoITrainConfig(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(bbox_head, rois, detections, train_config)

    def classify(self, pooled: Tensor, used: Tensor) -> Classified:
        """See `RoIHead.classify`."""
        logits, deltas = self.bbox_head.classify_and_regress(pooled)
        return Classified(self.class_scores(logits, used), deltas)

    def candidates(
        self, proposals: Proposals, classified: Classified, image_sizes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See `RoIHead.candidates`; every class has a box of its own."""
        assert classified.deltas is not None  # noqa: S101 - by this head
        classes = torch.arange(classified.deltas.shape[1], dtype=torch.int32, device=classified.deltas.device)
        return (
            class_boxes(proposals.boxes, classified.deltas, image_sizes),
            classified.scores.flatten(1).unsqueeze(-1),  # [B, R * C, 1]
            classes.repeat(proposals.boxes.shape[1]),
        )

    def losses(
        self,
        pyramid: Sequence[Tensor],
        proposals: Proposals,
        image_sizes: Tensor,  # noqa: ARG002 - proposals lie within the image, and nothing is jittered
        targets: Sequence[GroundTruth],
        randomness: Randomness,
    ) -> dict[str, Tensor]:
        """Classification loss of sampled proposals, and box loss of those on objects."""
        samples = self.sample(proposals, targets, randomness)
        logits, deltas = self.bbox_head.classify_and_regress(self.pool_samples(pyramid, samples))
        return {"loss_cls": class_loss(logits.float(), samples), "loss_bbox": box_loss(deltas.float(), samples)}
