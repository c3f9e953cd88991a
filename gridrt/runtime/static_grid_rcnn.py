"""Grid R-CNN in a form for machines that record what is launched.

Every shape follows from those of the inputs, and no value is asked for while it runs.
"""

from __future__ import annotations

from torch import Tensor

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.ops.custom_ops import CustomOps
from gridrt.ops.grid_fusion import FusionWeights


class StaticGridRCNN(GridRCNN):
    """Detects what a `GridRCNN` detects, by the same stages.

    Args:
        model: with a grid, in eval mode; its modules are shared, not copied.
        ops: what runs the custom ops.

    Raises:
        GridRTError: the model has no grid.
    """

    def __init__(self, model: GridRCNN, ops: CustomOps) -> None:
        super().__init__(
            model.backbone,
            model.neck,
            model.rpn_head,
            model.roi_head,
            variant=model.variant,
            class_names=model.class_names,
            ops=ops,
        )
        self.normalize, self.scale = model.normalize, model.scale
        for order, weights in zip(("first", "second"), self.grid.fusion_weights(), strict=True):
            # Stacked once here, so that a graph has them once and as constants.
            for name, weight in zip(weights._fields, weights, strict=True):
                self.register_buffer(f"{order}_{name}", weight.detach().clone())

    def forward(self, images: Tensor, image_sizes: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # type: ignore[override]
        """As `GridRCNN.forward`, but a plain tuple: torch.compile returns no tuple with names in each version."""
        boxes, scores, labels = super().forward(images, image_sizes)
        return boxes, scores, labels

    def rows(self, used: Tensor) -> int:
        """How many rows of each image the grid branch works on: all of `used` [B, D]."""
        return used.shape[1]

    def fusion_weights(self) -> tuple[FusionWeights, FusionWeights]:
        """See `GridRCNN.fusion_weights`."""
        first, second = (
            FusionWeights(*(getattr(self, f"{order}_{name}") for name in FusionWeights._fields))
            for order in ("first", "second")
        )
        return first, second
