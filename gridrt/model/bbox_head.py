"""Which class each proposal shows. Where exactly is left to the grid head: there is no box regression.

Shapes: K RoIs, C channels, S bins per side.
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
        x = features.flatten(1)
        for layer in self.shared_fcs:
            x = F.relu(layer(x))
        logits: Tensor = self.fc_cls(x)
        return logits
