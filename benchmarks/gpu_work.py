"""What the custom ops need at least: bytes to and from memory, and arithmetic.

Each tensor counts as read or written once, whatever a cache does. One multiplication and one addition are 2 FLOP.
Shapes: K RoIs, C channels, S bins or cells per side, B images, N rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, prod

import torch
from torch import Tensor

from gridrt.ops.grid import EDGES, POINTS
from gridrt.ops.roi_align import roi_levels
from gridrt.plugins.contract import Precision

BYTES: Mapping[Precision, int] = {"float32": 4, "float16": 2}
KERNEL = 5  # taps per side of the depth-wise convolutions
ORDERS = 2


@dataclass(frozen=True)
class Work:
    """Of one launch.

    Attributes:
        bytes: read from memory and written to it.
        flops: by the precision of the factors; sums are in float32. Empty where they follow from the data.
    """

    bytes: int
    flops: Mapping[Precision, int]


def grid_fusion_work(rois: int, channels: int, side: int, precision: Precision) -> Work:
    """Features in and out and the weights of both orders; along each edge a depth-wise and a point-wise convolution.

    Taps beyond the border do not count: along a side of S cells, 5 S - 6 are within (S >= 3). Depth-wise products are
    float32's, as in the kernel; biases and the sums over edges (less than 2 %) are left out.
    """
    edges = ORDERS * len(EDGES)
    weights = edges * channels * (KERNEL * KERNEL + 1 + channels + 1)
    features = 2 * rois * POINTS * channels * side * side
    within = sum(min(cell + KERNEL // 2, side - 1) - max(cell - KERNEL // 2, 0) + 1 for cell in range(side))
    depthwise = 2 * edges * rois * channels * within * within
    pointwise = 2 * edges * rois * channels * channels * side * side
    flops: dict[Precision, int] = {"float32": depthwise}
    flops[precision] = flops.get(precision, 0) + pointwise
    return Work(BYTES[precision] * (features + weights), flops)


def roi_align_work(
    maps: Sequence[Tensor], rois: Tensor, strides: Sequence[int], output_size: int, precision: Precision
) -> Work:
    """The cells that any RoI looks at, the RoIs, and what is pooled; 2 FLOP for each cell of a bin and channel.

    A RoI looks at the cells of its level whose centres are less than a cell away from it. A bin of n samples along an
    axis reads n + 1 cells there. Sums are float32's.

    Args:
        maps: [B, C, H_l, W_l] per level; only their shapes matter.
        rois: float32 [K, 5].
        strides: of the levels.
        output_size: S.
        precision: of the features.
    """
    channels, levels = maps[0].shape[1], roi_levels(rois[:, 1:], len(maps)).tolist()
    seen = [torch.zeros(feature.shape[0], *feature.shape[2:], dtype=torch.bool) for feature in maps]
    reads = 0
    for (image, *corners), level in zip(rois.tolist(), levels, strict=True):
        left, top, right, bottom = (corner / strides[level] for corner in corners)
        rows, columns = _cells(top, bottom), _cells(left, right)
        seen[level][int(image), rows, columns] = True
        reads += _cells_read(bottom - top, output_size) * _cells_read(right - left, output_size)
    pooled = len(rois) * channels * output_size * output_size
    cells = sum(int(level.sum()) for level in seen)
    size = BYTES[precision] * (cells * channels + pooled) + 4 * rois.numel()
    return Work(size, {"float32": 2 * reads * channels})


def _cells(low: float, high: float) -> slice:
    return slice(max(int(low - 0.5), 0), ceil(high - 0.5) + 1)


def _cells_read(length: float, bins: int) -> int:
    """By all bins along an axis, each with as many samples as it is long in cells, rounded up."""
    samples = ceil(length / bins)
    return bins * (samples + 1) if samples > 0 else 0


def batched_nms_work(boxes: Sequence[int], scores: Sequence[int], max_output: int) -> Work:
    """Boxes, scores and groups in; boxes, scores and groups out. How much is compared follows from the data.

    Args:
        boxes: shape, [B, N, 4].
        scores: shape, [B, N, C].
        max_output: rows per image.
    """
    kept = boxes[0] * max_output * (4 + 1 + 1)
    return Work(4 * (prod(boxes) + prod(scores) + boxes[1] + kept), {})
