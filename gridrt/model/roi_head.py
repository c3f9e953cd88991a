"""What both second stages share: pooling, class scores, suppression, and the RoIs they learn from.

Shapes: B images, R proposal rows, D detection rows, K RoIs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gridrt.config import DetectionConfig, RoiConfig, RoITrainConfig
from gridrt.model.bbox_head import BBoxHead
from gridrt.model.roi_loss import RoISamples, sample_rois
from gridrt.model.rpn_head import Proposals
from gridrt.ops.custom_ops import BatchedNms, MultiLevelRoiAlign
from gridrt.ops.randomness import Randomness
from gridrt.ops.roi_align import multi_level_roi_align
from gridrt.types import GroundTruth


class DetectionRows(NamedTuple):
    """The same number of rows for every image, best first."""

    boxes: Tensor  # float32 [B, D, 4] xyxy pixels; zeros in unused rows
    scores: Tensor  # float32 [B, D]; 0 in unused rows
    labels: Tensor  # int32 [B, D]; -1 in unused rows


class Classified(NamedTuple):
    """What the box head makes of proposals."""

    scores: Tensor  # float32 [B, R, classes] probabilities; 0 in unused rows
    deltas: Tensor | None = None  # float [B * R, classes, 4]; None where a grid locates


class RoIHead(nn.Module, ABC):
    """Turns proposals into detections, whose boxes a grid may move afterwards.

    Args:
        bbox_head: classifies.
        rois: where features are pooled.
        detections: how many are kept, and how far they may overlap.
        train_config: which RoIs it learns from.
    """

    def __init__(
        self, bbox_head: BBoxHead, rois: RoiConfig, detections: DetectionConfig, train_config: RoITrainConfig
    ) -> None:
        super().__init__()
        self.bbox_head = bbox_head
        self.rois, self.detections, self.train_config = rois, detections, train_config

    @abstractmethod
    def classify(self, pooled: Tensor, used: Tensor) -> Classified:
        """Which classes pooled features [B * R, C, S, S] show, in the rows that hold a proposal, bool [B, R]."""

    @abstractmethod
    def candidates(
        self, proposals: Proposals, classified: Classified, image_sizes: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes, scores and groups of what may be detected, as `batched_nms` takes them."""

    def select(
        self, proposals: Proposals, classified: Classified, image_sizes: Tensor, nms: BatchedNms
    ) -> DetectionRows:
        """The best candidates after suppression within each class."""
        return DetectionRows(
            *nms(
                *self.candidates(proposals, classified, image_sizes),
                iou_threshold=self.detections.iou_threshold,
                score_threshold=self.detections.score_threshold,
                max_output=self.detections.max_detections,
            )
        )

    @abstractmethod
    def losses(
        self,
        pyramid: Sequence[Tensor],
        proposals: Proposals,
        image_sizes: Tensor,
        targets: Sequence[GroundTruth],
        randomness: Randomness,
    ) -> dict[str, Tensor]:
        """Class and box losses of sampled proposals: float32 scalars."""

    def sample(self, proposals: Proposals, targets: Sequence[GroundTruth], randomness: Randomness) -> list[RoISamples]:
        """For each image, the RoIs to learn from."""
        return [
            sample_rois(boxes[used], truth, self.train_config, randomness)
            for boxes, used, truth in zip(proposals.boxes, proposals.used, targets, strict=True)
        ]

    def pool_samples(self, pyramid: Sequence[Tensor], samples: Sequence[RoISamples]) -> Tensor:
        """Pooled features of the samples, for each image its positives, then its negatives: [K, C, S, S]."""
        rois = join_rois([torch.cat((image.positive, image.negative)) for image in samples])
        return self.pool(pyramid, rois, self.rois.classify_size)

    def pool(
        self, pyramid: Sequence[Tensor], rois: Tensor, size: int, op: MultiLevelRoiAlign = multi_level_roi_align
    ) -> Tensor:
        """Features of RoIs [K, 5] -> [K, C, size, size]."""
        return op(pyramid[: len(self.rois.strides)], rois, self.rois.strides, size)

    def class_scores(self, logits: Tensor, used: Tensor) -> Tensor:
        """Class logits [B * R, classes + 1] -> probabilities [B, R, classes], 0 in rows that hold no proposal."""
        scores = logits.softmax(-1)[:, :-1].view(*used.shape, -1)
        return torch.where(used.unsqueeze(-1), scores, 0.0)


def as_rois(boxes: Tensor) -> Tensor:
    """Boxes per image [B, N, 4] -> [B * N, 5], each with its image's index in front."""
    index = torch.arange(boxes.shape[0], device=boxes.device, dtype=boxes.dtype).view(-1, 1, 1)
    return torch.cat((index.expand(-1, boxes.shape[1], 1), boxes), -1).flatten(0, 1)


def join_rois(boxes: Sequence[Tensor]) -> Tensor:
    """Boxes [N_b, 4] of each image -> [K, 5], each with its image's index in front."""
    return torch.cat([F.pad(of_image, (1, 0), value=index) for index, of_image in enumerate(boxes)])
