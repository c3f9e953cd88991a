"""The second stage of Grid R-CNN: classify the proposals, then locate each detection by its grid points.

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
from gridrt.model.roi_head import Classified, RoIHead, join_rois
from gridrt.model.roi_loss import RoISamples, class_loss
from gridrt.model.rpn_head import Proposals
from gridrt.ops.randomness import Randomness
from gridrt.types import GroundTruth


class GridRoIHead(RoIHead):
    """A classifier and a grid head over the same pyramid, one after the other: only detections are located.

    Args:
        bbox_head: classifies.
        grid_head: predicts grid heatmaps.
        rois: where features are pooled.
        detections: how many are kept, and how far they may overlap.
        train_config: which RoIs it learns from.
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

    def classify(self, pooled: Tensor, used: Tensor) -> Classified:
        """See `RoIHead.classify`."""
        return Classified(self.class_scores(self.bbox_head(pooled), used))

    def candidates(
        self,
        proposals: Proposals,
        classified: Classified,
        image_sizes: Tensor,  # noqa: ARG002 - boxes that a grid votes for may reach past the border
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See `RoIHead.candidates`; every class has a proposal's own box."""
        groups = torch.zeros(proposals.boxes.shape[1], dtype=torch.int32, device=proposals.boxes.device)
        return proposals.boxes, classified.scores, groups

    def losses(
        self,
        pyramid: Sequence[Tensor],
        proposals: Proposals,
        image_sizes: Tensor,
        targets: Sequence[GroundTruth],
        randomness: Randomness,
    ) -> dict[str, Tensor]:
        """Classification loss of sampled proposals, and grid loss of those on objects."""
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
