"""Region proposal network: which anchors of the pyramid hold an object, and where exactly.

Shapes: B images, L levels, A anchors per cell, N candidate rows, R proposal rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gridrt.config import AnchorConfig, ProposalConfig, RPNTrainConfig
from gridrt.model.rpn_loss import rpn_losses, sample_anchors
from gridrt.ops.anchors import base_anchors, grid_anchors
from gridrt.ops.boxes import clip_boxes, decode_deltas
from gridrt.ops.custom_ops import BatchedNms
from gridrt.ops.nms import batched_nms
from gridrt.ops.randomness import Randomness
from gridrt.types import GroundTruth

UNUSED = -1.0
"""Score of an unused candidate row; probabilities are at least 0."""


class Proposals(NamedTuple):
    """The same number of rows for every image, best first."""

    boxes: Tensor  # float32 [B, R, 4] xyxy pixels; zeros in unused rows
    scores: Tensor  # float32 [B, R] objectness
    used: Tensor  # bool [B, R]


class RPNHead(nn.Module):
    """One small convolutional network over every level.

    Args:
        channels: of the pyramid.
        anchors: their sizes and shapes.
        proposals: how many are kept, and how far they may overlap.
        train_config: which anchors it learns from, and the proposals during training.
    """

    def __init__(
        self,
        channels: int = 256,
        anchors: AnchorConfig = AnchorConfig(),  # noqa: B008 - frozen
        proposals: ProposalConfig = ProposalConfig(),  # noqa: B008 - frozen
        train_config: RPNTrainConfig = RPNTrainConfig(),  # noqa: B008 - frozen
    ) -> None:
        super().__init__()
        shapes = len(anchors.ratios)
        self.anchors, self.proposals, self.train_config = anchors, proposals, train_config
        self.rpn_conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.rpn_cls = nn.Conv2d(channels, shapes, 1)
        self.rpn_reg = nn.Conv2d(channels, shapes * 4, 1)
        for level, stride in enumerate(anchors.strides):
            self.register_buffer(f"base{level}", base_anchors(stride, anchors), persistent=False)

    def forward(self, pyramid: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Objectness logits [B, A, H, W] and deltas [B, 4A, H, W] of every level."""
        hidden = [F.relu(self.rpn_conv(feature)) for feature in pyramid]
        return [(self.rpn_cls(x), self.rpn_reg(x)) for x in hidden]

    def losses(
        self,
        outputs: Sequence[tuple[Tensor, Tensor]],
        image_sizes: Tensor,
        targets: Sequence[GroundTruth],
        randomness: Randomness,
    ) -> dict[str, Tensor]:
        """Objectness and box losses of the outputs of `forward`."""
        anchors = torch.cat([self._level_anchors(level, logits) for level, (logits, _) in enumerate(outputs)])
        logits, deltas = (torch.cat(parts, 1) for parts in zip(*(_by_anchor(*maps) for maps in outputs), strict=True))
        samples = [
            sample_anchors(anchors, image_size, truth, self.train_config, randomness)
            for image_size, truth in zip(image_sizes, targets, strict=True)
        ]
        return rpn_losses(logits.float(), deltas.float(), anchors, samples, self.train_config)

    def propose(
        self,
        outputs: Sequence[tuple[Tensor, Tensor]],
        image_sizes: Tensor,
        config: ProposalConfig,
        nms: BatchedNms = batched_nms,
    ) -> Proposals:
        """The best boxes of the outputs of `forward` after suppression within each level."""
        boxes, scores = self.candidates(outputs, image_sizes, config)
        levels = torch.arange(len(self.anchors.strides), dtype=torch.int32, device=boxes.device)
        boxes, scores, levels = nms(
            boxes,
            scores.unsqueeze(-1),
            levels.repeat_interleave(config.candidates_per_level),  # [N]
            iou_threshold=config.iou_threshold,
            score_threshold=UNUSED,
            max_output=config.max_proposals,
        )
        return Proposals(boxes, scores, levels >= 0)

    def candidates(
        self, outputs: Sequence[tuple[Tensor, Tensor]], image_sizes: Tensor, config: ProposalConfig
    ) -> tuple[Tensor, Tensor]:
        """The best anchors of each level, moved by their deltas and clipped to the image.

        Args:
            outputs: of `forward`.
            image_sizes: int32 [B, 2], (height, width).
            config: how many.

        Returns:
            boxes float32 [B, N, 4] and scores [B, N], the same number of rows per level; unused rows score UNUSED.
        """
        rows = config.candidates_per_level
        levels = [self._best_anchors(level, rows, *maps) for level, maps in enumerate(outputs)]
        anchors, deltas, scores = (torch.cat(parts, 1) for parts in zip(*levels, strict=True))
        boxes = clip_boxes(decode_deltas(anchors, deltas), image_sizes)
        solid = ((boxes[..., 2:] - boxes[..., :2]) > 0).all(-1)
        return boxes, torch.where(solid, scores, UNUSED)

    def _best_anchors(
        self, level: int, rows: int, logit_map: Tensor, delta_map: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Anchors [B, N_l, 4], deltas [B, N_l, 4] and scores [B, N_l] of one level's best cells."""
        logits, deltas = _by_anchor(logit_map, delta_map)
        # A level smaller than N_l is filled up, so that every level and image has the same rows.
        scores, index = F.pad(logits.sigmoid(), (0, rows), value=UNUSED).topk(rows)
        index = index.clamp(max=logit_map[0].numel() - 1)
        anchors = self._level_anchors(level, logit_map)
        return anchors[index], deltas.gather(1, index.unsqueeze(-1).expand(-1, -1, 4)), scores

    def _level_anchors(self, level: int, logit_map: Tensor) -> Tensor:
        """All anchors of one level, whose logits are [B, A, H, W]: float32 [H * W * A, 4]."""
        base: Tensor = getattr(self, f"base{level}")
        return grid_anchors(logit_map.shape[2], logit_map.shape[3], self.anchors.strides[level], base)


def _by_anchor(logit_map: Tensor, delta_map: Tensor) -> tuple[Tensor, Tensor]:
    """[B, A, H, W] and [B, 4A, H, W] -> [B, H * W * A] and [B, H * W * A, 4], in the order of the anchors."""
    deltas = delta_map.permute(0, 2, 3, 1).reshape(delta_map.shape[0], -1, 4)
    return logit_map.permute(0, 2, 3, 1).flatten(1), deltas
