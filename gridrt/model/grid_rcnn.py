"""Grid R-CNN (Lu et al., CVPR 2019; Plus, 2019): two stages, the second of which locates objects by a grid of points.

backbone -> pyramid -> proposals -> classes -> grid. Images go in as pixels, detections come out.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from gridrt.model.fpn import FPN
from gridrt.model.normalize import Normalize
from gridrt.model.resnet import ResNet
from gridrt.model.roi_head import DetectionRows, RoIHead
from gridrt.model.rpn_head import RPNHead
from gridrt.ops.randomness import Randomness, TorchRandomness
from gridrt.types import GroundTruth


class GridRCNN(nn.Module):
    """The detector, built from its parts. With a `BoxRoIHead` it is Faster R-CNN, the baseline.

    Args:
        backbone: C2..C5 of an image.
        neck: P2..P6 of those.
        rpn_head: proposals of the pyramid.
        roi_head: detections of the proposals.
        variant: name of the preset.
        class_names: in the order of the labels.

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
    ) -> None:
        super().__init__()
        self.normalize = Normalize()
        self.backbone, self.neck, self.rpn_head, self.roi_head = backbone, neck, rpn_head, roi_head
        self.variant, self.class_names = variant, class_names
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
        proposals = self.rpn_head.propose(pyramid, image_sizes)
        detections: DetectionRows = self.roi_head(pyramid, proposals, image_sizes)
        return detections

    def losses(
        self,
        images: Tensor,
        image_sizes: Tensor,
        targets: Sequence[GroundTruth],
        randomness: Randomness = TorchRandomness(),  # noqa: B008 - frozen
    ) -> dict[str, Tensor]:
        """How wrong the detector is about a batch; the sum of all is what training brings down.

        Args:
            images: as in `forward`.
            image_sizes: as in `forward`.
            targets: per image, on the images' device.
            randomness: what draws samples and jitters boxes.

        Returns:
            float32 scalars loss_rpn_cls, loss_rpn_bbox, loss_cls, and loss_grid, or loss_bbox of Faster R-CNN; always
            all, 0 where nothing is learned.
        """
        pyramid = self.pyramid(images, image_sizes)
        outputs = self.rpn_head(pyramid)
        rpn_losses = self.rpn_head.losses(outputs, image_sizes, targets, randomness)
        proposals = self.rpn_head.propose_in_training(outputs, image_sizes)
        return rpn_losses | self.roi_head.losses(pyramid, proposals, image_sizes, targets, randomness)

    def pyramid(self, images: Tensor, image_sizes: Tensor) -> list[Tensor]:
        """P2..P6 of images, as in `forward`."""
        levels: list[Tensor] = self.neck(self.backbone(self.normalize(images, image_sizes)))
        return levels
