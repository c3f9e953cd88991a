"""Random boxes, for the inputs of more than one op."""

from __future__ import annotations

import torch
from torch import Tensor


def random_boxes(generator: torch.Generator, count: int, height: int, width: int) -> Tensor:
    """float32 [N, 4], xyxy within the image."""
    points = torch.rand((count, 2, 2), generator=generator) * torch.tensor([float(width), float(height)])
    return torch.cat((points.amin(1), points.amax(1)), 1)
