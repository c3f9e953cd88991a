"""Box arithmetic: deltas, clipping, intersection.

Boxes are xyxy in absolute pixels with width = x2 - x1; deltas are (dx, dy, dw, dh) relative to a box's centre and size.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

# Deltas grow or shrink a side at most by a factor of 1000/16, so that exp() cannot overflow.
MAX_LOG_RATIO = math.log(1000 / 16)


def encode_deltas(boxes: Tensor, targets: Tensor) -> Tensor:
    """Deltas that move `boxes` onto `targets`.

    decode_deltas(boxes, encode_deltas(boxes, targets)) == targets if no side changes by more than a factor of 1000/16.

    Args:
        boxes: float [..., 4], xyxy, of positive width and height.
        targets: float [..., 4], xyxy, of positive width and height.

    Returns:
        float [..., 4].
    """
    centre, size = _centre_and_size(boxes)
    target_centre, target_size = _centre_and_size(targets)
    return torch.cat(((target_centre - centre) / size, torch.log(target_size / size)), -1)


def decode_deltas(boxes: Tensor, deltas: Tensor) -> Tensor:
    """Move `boxes` by `deltas`; the inverse of `encode_deltas`.

    Args:
        boxes: float [..., 4], xyxy.
        deltas: float [..., 4]; the logarithmic pair is clamped to +-ln(1000/16).

    Returns:
        float [..., 4], xyxy, not clipped.
    """
    centre, size = _centre_and_size(boxes)
    shift, log_ratio = deltas[..., :2], deltas[..., 2:].clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    new_centre, half = centre + shift * size, size * log_ratio.exp() * 0.5
    return torch.cat((new_centre - half, new_centre + half), -1)


def _centre_and_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    low, high = boxes[..., :2], boxes[..., 2:]
    return (low + high) * 0.5, high - low


def clip_boxes(boxes: Tensor, image_sizes: Tensor) -> Tensor:
    """Clip to the image: x to [0, width], y to [0, height].

    Args:
        boxes: float [B, N, 4], xyxy.
        image_sizes: int [B, 2], (height, width).
    """
    limit = image_sizes.flip(-1).repeat(1, 2).unsqueeze(1).to(boxes.dtype)  # [B, 1, 4]
    return boxes.clamp(min=0).minimum(limit)


def area(boxes: Tensor) -> Tensor:
    """Signed width times signed height: float [..., 4] -> [...]."""
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def intersection(boxes: Tensor, others: Tensor) -> Tensor:
    """Area of the intersection of every pair: float [N, 4], [M, 4] -> [N, M]."""
    left, top, right, bottom = boxes.T.unsqueeze(-1)  # each [N, 1]
    other_left, other_top, other_right, other_bottom = others.T.unsqueeze(1)  # each [1, M]
    width = torch.minimum(right, other_right) - torch.maximum(left, other_left)
    height = torch.minimum(bottom, other_bottom) - torch.maximum(top, other_top)
    return width.clamp(min=0) * height.clamp(min=0)
