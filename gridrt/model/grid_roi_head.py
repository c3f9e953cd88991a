"""The second stage of Grid R-CNN: classify the proposals, then locate each detection by its grid.

Shapes: B images, R proposal rows, D detection rows, K RoIs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gridrt.config import DetectionConfig, GridTrainConfig, RoiConfig, RoITrainConfig
from gridrt.model.bbox_head import BBoxHead
from gridrt.model.grid_head import GridHead
from gridrt.model.grid_loss import grid_loss, jitter
from gridrt.model.grid_targets import grid_targets
from gridrt.model.roi_head import DetectionRows, RoIHead, as_rois, join_rois
from gridrt.model.roi_loss import RoISamples, class_loss
from gridrt.model.rpn_head import Proposals
from gridrt.ops.grid_decode import grid_decode
from gridrt.ops.nms import batched_nms
from gridrt.ops.randomness import Randomness
from gridrt.types import GroundTruth


class GridRoIHead(RoIHead):
    """Both branches over the same pyramid, one after the other: only what is detected is refined.

    Args:
        bbox_head: classifies.
        grid_head: predicts grid heatmaps.
        rois: where features are pooled.
        detections: how many are kept, and how far they may overlap.
        train_config: which RoIs are learned from.
        grid_train_config: how the grid branch learns.
    """

    def __init__(
        self,
        bbox_head: BBoxHead,
        grid_head: GridHead,
        rois: RoiConfig = RoiConfig(),  # noqa: B008 - frozen
        detections: DetectionConfig = DetectionConfig(),  # noqa: B008 - frozen
        train_config: RoITrainConfig = RoITrainConfig(),  # noqa: B008 - frozen
        grid_train_config: GridTrainConfig = GridTrainConfig(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__(bbox_head, rois, detections, train_config)
        self.grid_head = grid_head
        self.grid_train_config = grid_train_config

    def forward(
        self,
        pyramid: Sequence[Tensor],
        proposals: Proposals,
        image_sizes: Tensor,  # noqa: ARG002 - boxes that a grid votes for may reach past the border
    ) -> DetectionRows:
        """P2.. and proposals -> detections, located by the grid."""
        return self.locate(pyramid, self.classify(pyramid, proposals))

    def classify(self, pyramid: Sequence[Tensor], proposals: Proposals) -> DetectionRows:
        """The best proposals of every class after suppression within each class; their boxes are as proposed."""
        return self.suppress(proposals, self.score(pyramid, proposals))

    def score(self, pyramid: Sequence[Tensor], proposals: Proposals) -> Tensor:
        """Class probabilities of every proposal: [B, R, classes]."""
        features = self.pool(pyramid, as_rois(proposals.boxes), self.rois.classify_size)
        return self.class_scores(self.bbox_head(features), proposals.used)

    def suppress(self, proposals: Proposals, scores: Tensor) -> DetectionRows:
        """The best of proposals and class probabilities [B, R, classes], after suppression within each class."""
        return DetectionRows(
            *batched_nms(
                proposals.boxes,
                scores,
                torch.zeros(proposals.boxes.shape[1], dtype=torch.int32, device=scores.device),
                iou_threshold=self.detections.iou_threshold,
                score_threshold=self.detections.score_threshold,
                max_output=self.detections.max_detections,
            )
        )

    def locate(self, pyramid: Sequence[Tensor], detections: DetectionRows) -> DetectionRows:
        """Put the box that the grid votes for in the place of each detection's box."""
        return self.decode(detections, self.heatmaps(pyramid, detections))

    def heatmaps(self, pyramid: Sequence[Tensor], detections: DetectionRows) -> Tensor:
        """Logits of the rows of each image that are worked on: [B * rows, P, S, S]."""
        # Used rows come first: work on as many as the fullest image has, and on one where there is none at all.
        rows = max(1, int((detections.labels >= 0).sum(1).max()))
        features = self.pool(pyramid, as_rois(detections.boxes[:, :rows]), self.rois.grid_size)
        logits: Tensor = self.grid_head(features)
        return logits

    def decode(self, detections: DetectionRows, heatmaps: Tensor) -> DetectionRows:
        """Put what the heatmaps of `heatmaps` vote for in the place of each detection's box."""
        rows = heatmaps.shape[0] // detections.boxes.shape[0]
        boxes = detections.boxes[:, :rows]
        located = torch.zeros_like(detections.boxes)
        located[:, :rows] = grid_decode(heatmaps, boxes.flatten(0, 1)).view_as(boxes)
        used = detections.labels >= 0  # [B, D]
        return detections._replace(boxes=torch.where(used.unsqueeze(-1), located, 0.0))

    def losses(
        self,
        pyramid: Sequence[Tensor],
        proposals: Proposals,
        image_sizes: Tensor,
        targets: Sequence[GroundTruth],
        randomness: Randomness,
    ) -> dict[str, Tensor]:
        """Classification loss of sampled proposals, and grid loss of those of them that are on objects."""
        samples = self.sample(proposals, targets, randomness)
        logits = self.bbox_head(self.pool_samples(pyramid, samples))
        return {
            "loss_cls": class_loss(logits.float(), samples),
            "loss_grid": self._grid_loss(pyramid, samples, image_sizes, randomness),
        }

    def _grid_loss(
        self, pyramid: Sequence[Tensor], samples: Sequence[RoISamples], image_sizes: Tensor, randomness: Randomness
    ) -> Tensor:
        config = self.grid_train_config
        jittered = [
            jitter(image.positive, image_size, config.jitter, randomness)
            for image, image_size in zip(samples, image_sizes, strict=True)
        ]
        rois, objects = join_rois(jittered), torch.cat([image.objects for image in samples])
        chosen = randomness.permutation(len(rois))[: config.max_rois].to(rois.device)
        fused, unfused = self.grid_head.forward_train(self.pool(pyramid, rois[chosen], self.rois.grid_size))
        targets = grid_targets(rois[chosen, 1:], objects[chosen], fused.shape[-1])
        return config.loss_weight * grid_loss(fused, unfused, targets)
