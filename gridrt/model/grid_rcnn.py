"""Grid R-CNN (Lu et al., CVPR 2019; Plus, 2019): two stages, the second of which locates objects by a grid of points.

backbone -> pyramid -> proposals -> classes -> grid. Images go in as pixels, detections come out.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gridrt.errors import GridRTError
from gridrt.model.fpn import FPN
from gridrt.model.grid_head import GridHead
from gridrt.model.grid_roi_head import GridRoIHead
from gridrt.model.normalize import Normalize
from gridrt.model.resnet import ResNet
from gridrt.model.roi_head import Classified, DetectionRows, RoIHead, as_rois
from gridrt.model.rpn_head import Proposals, RPNHead
from gridrt.model.staged import StagedModule, stage
from gridrt.ops.custom_ops import DEFINITIONS, CustomOps
from gridrt.ops.grid_decode import grid_decode
from gridrt.ops.grid_fusion import FusionWeights
from gridrt.ops.randomness import Randomness, TorchRandomness
from gridrt.types import GroundTruth


class GridRCNN(StagedModule):
    """The detector, built from its parts. With a `BoxRoIHead` it is Faster R-CNN, the baseline.

    Args:
        backbone: C2..C5 of an image.
        neck: P2..P6 of those.
        rpn_head: proposals of the pyramid.
        roi_head: detections of the proposals.
        variant: name of the preset.
        class_names: in the order of the labels.
        ops: the implementation of the custom ops that inference runs; training runs their definitions.

    Attributes:
        scale: most pixels on the long and on the short side of the resized images that it learned from; None where
            that is not known.
    """

    def __init__(
        self,
        backbone: ResNet,
        neck: FPN,
        rpn_head: RPNHead,
        roi_head: RoIHead,
        *,
        variant: str,
        class_names: tuple[str, ...],
        ops: CustomOps = DEFINITIONS,
    ) -> None:
        super().__init__()
        self.normalize = Normalize()
        self.backbone, self.neck, self.rpn_head, self.roi_head = backbone, neck, rpn_head, roi_head
        self.variant, self.class_names, self.ops = variant, class_names, ops
        self.scale: tuple[int, int] | None = None

    def forward(self, images: Tensor, image_sizes: Tensor) -> DetectionRows:
        """Detect.

        Args:
            images: uint8 [B, H, W, 3], RGB, padded with zeros to the right and below; H and W multiples of 32.
            image_sizes: int32 [B, 2], (height, width) without the padding.

        Returns:
            boxes float32 [B, D, 4] in pixels of `images`, scores float32 [B, D] descending, labels int32 [B, D].
        """
        pyramid = self.pyramid(images, image_sizes)
        proposals = self.proposals(self.rpn(pyramid), image_sizes)
        pooled = self.roi_align(pyramid, proposals.boxes, self.roi_head.rois.classify_size)
        detections = self.detections(proposals, self.box_head(pooled, proposals.used), image_sizes)
        if not isinstance(self.roi_head, GridRoIHead):
            return detections
        used = detections.labels >= 0  # [B, D], used rows first
        boxes = detections.boxes[:, : self.rows(used)]
        points = self.grid_head(self.roi_align(pyramid, boxes, self.roi_head.rois.grid_size))
        return self.decode(detections, boxes, self.heatmaps(self.grid_fusion(points)))

    def pyramid(self, images: Tensor, image_sizes: Tensor) -> list[Tensor]:
        """P2..P6 of images as in `forward`."""
        return self.fpn(self.features(self.input(images, image_sizes)))

    @stage("input")
    def input(self, images: Tensor, image_sizes: Tensor) -> Tensor:
        """Images as in `forward` -> normalised, with padding of 0: float32 [B, 3, H, W]."""
        pixels: Tensor = self.normalize(images, image_sizes)
        return pixels

    @stage("backbone")
    def features(self, pixels: Tensor) -> list[Tensor]:
        """C2..C5 of normalised images."""
        features: list[Tensor] = self.backbone(pixels)
        return features

    @stage("fpn")
    def fpn(self, features: Sequence[Tensor]) -> list[Tensor]:
        """C2..C5 -> P2..P6."""
        pyramid: list[Tensor] = self.neck(features)
        return pyramid

    @stage("rpn")
    def rpn(self, pyramid: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
        """Objectness logits [B, A, H, W] and deltas [B, 4A, H, W] of every level."""
        maps: list[tuple[Tensor, Tensor]] = self.rpn_head(pyramid)
        return maps

    @stage("proposals")
    def proposals(self, maps: Sequence[tuple[Tensor, Tensor]], image_sizes: Tensor) -> Proposals:
        """The best boxes of all levels after suppression within each level."""
        return self.rpn_head.propose(maps, image_sizes, self.rpn_head.proposals, self.ops.batched_nms)

    @stage("roi_align")
    def roi_align(self, pyramid: Sequence[Tensor], boxes: Tensor, size: int) -> Tensor:
        """Features of boxes [B, N, 4] -> [B * N, C, size, size]."""
        return self.roi_head.pool(pyramid, as_rois(boxes), size, self.ops.multi_level_roi_align)

    @stage("box_head")
    def box_head(self, pooled: Tensor, used: Tensor) -> Classified:
        """Which classes pooled features [B * R, C, S, S] show, in the rows that hold a proposal, bool [B, R]."""
        return self.roi_head.classify(pooled, used)

    @stage("detections")
    def detections(self, proposals: Proposals, classified: Classified, image_sizes: Tensor) -> DetectionRows:
        """The best boxes after suppression within each class: of Grid R-CNN as proposed, of Faster R-CNN regressed."""
        return self.roi_head.select(proposals, classified, image_sizes, self.ops.batched_nms)

    @stage("grid_head")
    def grid_head(self, pooled: Tensor) -> Tensor:
        """Features of each grid point: [K, C_in, 2S, 2S] -> [K, P * C, S, S]."""
        points: Tensor = self.grid.convs(pooled)
        return points

    @stage("grid_fusion")
    def grid_fusion(self, points: Tensor) -> Tensor:
        """Both orders of fusion between neighbour points: [K, P * C, S, S] -> [K, P * C, S, S]."""
        return self.ops.grid_fusion(points, *self.fusion_weights())

    @stage("grid_head")
    def heatmaps(self, points: Tensor) -> Tensor:
        """[K, P * C, S, S] -> logits [K, P, 4S, 4S]."""
        return self.grid.heatmaps(points)

    @stage("decode")
    def decode(self, detections: DetectionRows, boxes: Tensor, heatmaps: Tensor) -> DetectionRows:
        """Put the box that the grid votes for in the place of each detection's box.

        Args:
            detections: rows [B, D].
            boxes: of the first N rows: float32 [B, N, 4]; the rows behind them are unused.
            heatmaps: logits of those, [B * N, P, 4S, 4S].
        """
        used = detections.labels >= 0  # [B, D]
        located = grid_decode(heatmaps, boxes.flatten(0, 1)).view_as(boxes)
        padding = boxes.new_zeros(1).expand(boxes.shape[0], used.shape[1] - boxes.shape[1], 4)
        located = torch.cat((located, padding), 1)
        # Not _replace, which torch.compile cannot trace in each version.
        return DetectionRows(torch.where(used.unsqueeze(-1), located, 0.0), detections.scores, detections.labels)

    def rows(self, used: Tensor) -> int:
        """How many rows of each image the grid branch works on: as many as the fullest of `used` [B, D], at least 1."""
        return max(1, int(used.sum(1).max()))

    def fusion_weights(self) -> tuple[FusionWeights, FusionWeights]:
        """The weights of both orders of fusion."""
        return self.grid.fusion_weights()

    @property
    def grid(self) -> GridHead:
        """The grid head.

        Raises:
            GridRTError: this is Faster R-CNN.
        """
        if isinstance(self.roi_head, GridRoIHead):
            return self.roi_head.grid_head
        raise GridRTError(
            "Faster R-CNN has no grid head", value=self.variant, remedy="Run it with the backend pytorch."
        )

    def losses(
        self,
        images: Tensor,
        image_sizes: Tensor,
        targets: Sequence[GroundTruth],
        randomness: Randomness = TorchRandomness(),  # noqa: B008 - frozen
    ) -> dict[str, Tensor]:
        """The losses of a batch; training minimises their sum.

        Args:
            images: as in `forward`.
            image_sizes: as in `forward`.
            targets: per image, on the images' device.
            randomness: draws samples and jitters boxes.

        Returns:
            float32 scalars loss_rpn_cls, loss_rpn_bbox, loss_cls, and loss_grid or, of Faster R-CNN, loss_bbox; always
            all of them, 0 where there is nothing to learn.
        """
        pyramid = self.pyramid(images, image_sizes)
        maps = self.rpn(pyramid)
        rpn_losses = self.rpn_head.losses(maps, image_sizes, targets, randomness)
        with torch.no_grad():
            proposals = self.rpn_head.propose(maps, image_sizes, self.rpn_head.train_config.proposals)
        return rpn_losses | self.roi_head.losses(pyramid, proposals, image_sizes, targets, randomness)
