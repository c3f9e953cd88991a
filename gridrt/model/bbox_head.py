"""The box head: the class of each proposal and, in Faster R-CNN, its box.

Shapes: K RoIs, C channels, S bins per side, H hidden.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class BBoxHead(nn.Module):
    """Two shared fully connected layers and a classifier whose last column is the background.

    Args:
        num_classes: without the background.
        channels: of the pyramid.
        roi_size: bins per side.
        hidden: width of the shared layers.
    """

    def __init__(self, num_classes: int, channels: int = 256, roi_size: int = 7, hidden: int = 1024) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.shared_fcs = nn.ModuleList((nn.Linear(channels * roi_size**2, hidden), nn.Linear(hidden, hidden)))
        self.fc_cls = nn.Linear(hidden, num_classes + 1)

    def forward(self, features: Tensor) -> Tensor:
        """[K, C, S, S] -> class logits [K, num_classes + 1]."""
        logits: Tensor = self.fc_cls(self.shared(features))
        return logits

    def shared(self, features: Tensor) -> Tensor:
        """[K, C, S, S] -> [K, H], the input of all predictions."""
        x = features.flatten(1)
        for layer in self.shared_fcs:
            x = F.relu(layer(x))
        return x


class RegressingBBoxHead(BBoxHead):
    """A `BBoxHead` that also predicts deltas for each class.

    Args:
        num_classes: without the background.
        channels: of the pyramid.
        roi_size: bins per side.
        hidden: width of the shared layers.
    """

    def __init__(self, num_classes: int, channels: int = 256, roi_size: int = 7, hidden: int = 1024) -> None:
        super().__init__(num_classes, channels, roi_size, hidden)
        self.fc_reg = nn.Linear(hidden, 4 * num_classes)

    def classify_and_regress(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """[K, C, S, S] -> class logits [K, num_classes + 1] and deltas [K, num_classes, 4]."""
        x = self.shared(features)
        return self.fc_cls(x), self.fc_reg(x).unflatten(1, (-1, 4))
