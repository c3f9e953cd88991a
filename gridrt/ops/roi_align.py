"""RoIAlign over a feature pyramid: aligned corners, adaptive sampling, averaged.

Sample positions form a grid, and bilinear weights are products of one weight per axis. So each axis is computed
separately, as a short list of (cell, weight) taps per bin. The value of a bin is the weighted sum of the feature
vectors at all pairs of its taps. The number of taps depends on the size of the RoI, so that sum is an embedding bag.

Shapes: K RoIs, C channels, S output bins per side, T taps in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gridrt.ops.boxes import area

FINEST_SIZE = 56
"""RoIs with a side below twice this, in pixels, are pooled from the finest level."""


def multi_level_roi_align(features: Sequence[Tensor], rois: Tensor, strides: Sequence[int], output_size: int) -> Tensor:
    """Pool each RoI from the pyramid level that corresponds to its size.

    Args:
        features: float [B, C, H_l, W_l] per level, finest first.
        rois: float32 [K, 5], image index and xyxy in pixels of the padded image.
        strides: pixels per cell of each level.
        output_size: S.

    Returns:
        [K, C, S, S] in the dtype of the features; zeros for RoIs without area.
    """
    levels = roi_levels(rois[:, 1:], len(features))
    of_level = [(levels == level).nonzero().flatten() for level in range(len(features))]
    pooled = [
        roi_align(feature, rois[chosen], 1 / stride, output_size)
        for feature, stride, chosen in zip(features, strides, of_level, strict=True)
    ]
    return torch.cat(pooled)[torch.cat(of_level).argsort()]


def roi_levels(boxes: Tensor, level_count: int) -> Tensor:
    """The pyramid level of each box by its area, the finest for boxes without area: float32 [K, 4] -> int64 [K]."""
    size = area(boxes).clamp(min=0).sqrt()
    return torch.floor(torch.log2(size / FINEST_SIZE + 1e-6)).clamp(0, level_count - 1).long()


def roi_align(feature: Tensor, rois: Tensor, spatial_scale: float, output_size: int) -> Tensor:
    """Pool each RoI from one feature map.

    Args:
        feature: float [B, C, H, W].
        rois: float32 [K, 5], image index and xyxy in pixels.
        spatial_scale: cells per pixel.
        output_size: S.

    Returns:
        [K, C, S, S] in the dtype of the feature.
    """
    channels, height, width = feature.shape[1:]
    low, high = rois[:, 1:3] * spatial_scale - 0.5, rois[:, 3:5] * spatial_scale - 0.5
    size = high - low
    x_taps = _axis_taps(low[:, 0], size[:, 0], output_size, width)
    y_taps = _axis_taps(low[:, 1], size[:, 1], output_size, height)
    cells, weights, offsets = _pair_taps(y_taps, x_taps, output_size, rois[:, 0].long() * height, width)
    table = feature.permute(0, 2, 3, 1).reshape(-1, channels)
    bins = F.embedding_bag(cells, table, offsets, mode="sum", per_sample_weights=weights.to(feature.dtype))
    return bins.view(len(rois), output_size, output_size, channels).permute(0, 3, 1, 2)


class _Taps(NamedTuple):
    """The taps of all bins along one axis, bin by bin."""

    cell: Tensor  # int64 [T]
    weight: Tensor  # float32 [T]
    first: Tensor  # int64 [K * S], index of a bin's first tap
    length: Tensor  # int64 [K * S], number of its taps


def _axis_taps(start: Tensor, length: Tensor, bins: int, extent: int) -> _Taps:
    """The cells that each bin reads along one axis, with their weights.

    Args:
        start: float32 [K], in cells.
        length: float32 [K], in cells.
        bins: S.
        extent: cells along the axis.
    """
    bin_size = length / bins
    samples = bin_size.ceil().clamp(min=0).long().repeat_interleave(bins)  # [K * S]
    bin_index = torch.arange(bins, device=start.device).repeat(len(start))  # [K * S]
    bin_size = bin_size.repeat_interleave(bins)
    bin_start = start.repeat_interleave(bins) + bin_index * bin_size
    owner, nth = _ragged(samples)
    position = bin_start[owner] + (nth + 0.5) * bin_size[owner] / samples[owner]
    clamped = position.clamp(0, extent - 1)
    low = clamped.long()  # the cells on either side, and the fraction of the way from low to high
    high, fraction = (low + 1).clamp(max=extent - 1), clamped - low
    # A sample more than one cell outside counts in the mean, but reads nothing.
    share = ((position >= -1) & (position <= extent)).to(position.dtype) / samples[owner]

    first_cell = _at_ends(low, samples, 0)
    count = torch.where(samples > 0, _at_ends(high, samples, -1) - first_cell + 1, 0)
    tap_owner, tap_nth = _ragged(count)
    first = count.cumsum(0) - count
    slot = first[owner] - first_cell[owner]
    weight = share.new_zeros(len(tap_owner))
    weight = weight.index_add(0, slot + low, share * (1 - fraction)).index_add(0, slot + high, share * fraction)
    return _Taps(first_cell[tap_owner] + tap_nth, weight, first, count)


def _ragged(counts: Tensor) -> tuple[Tensor, Tensor]:
    """Enumerate the members of groups of these sizes: [2, 0, 1] -> group [0, 0, 2] and index in the group [0, 1, 0]."""
    owner = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
    first = counts.cumsum(0) - counts
    return owner, torch.arange(len(owner), device=counts.device) - first[owner]


def _at_ends(values: Tensor, counts: Tensor, end: int) -> Tensor:
    """The first (0) or last (-1) value of each group; 0 for an empty one."""
    last = counts.cumsum(0)
    index = last - counts if end == 0 else last - 1
    padded = torch.cat((values, values.new_zeros(1)))
    return torch.where(counts > 0, padded[index.clamp(min=0)], 0)


def _pair_taps(y_taps: _Taps, x_taps: _Taps, bins: int, image_row: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """All pairs of a row tap and a column tap, bin by bin: flat cells [T], weights [T], start of each bin [K*S*S]."""
    rows = torch.arange(len(y_taps.length), device=image_row.device).repeat_interleave(bins)  # [K * S * S]
    columns = torch.arange(len(x_taps.length), device=image_row.device).view(-1, bins).repeat(1, bins).flatten()
    counts = y_taps.length[rows] * x_taps.length[columns]
    owner, nth = _ragged(counts)
    across = x_taps.length[columns][owner]
    y = y_taps.first[rows][owner] + nth // across
    x = x_taps.first[columns][owner] + nth % across
    row_of_image = image_row.repeat_interleave(bins * bins)[owner]
    cells = (row_of_image + y_taps.cell[y]) * width + x_taps.cell[x]
    return cells, y_taps.weight[y] * x_taps.weight[x], counts.cumsum(0) - counts
