"""Bytes and FLOP of MultiLevelRoiAlign. Shapes: K RoIs, C channels, S bins per side, B images."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor

from benchmarks.gpu_cost import ELEMENT_SIZES, Cost
from gridrt.ops.roi_align import roi_levels
from gridrt.plugins.contract import FeatureType


def roi_align_cost(
    maps: Sequence[Tensor], rois: Tensor, strides: Sequence[int], output_size: int, feature_type: FeatureType
) -> Cost:
    """The cells that any RoI reads, the RoIs, and the pooled output; 2 FLOP for each cell of a bin and channel.

    A RoI reads the cells of its level whose centres are less than a cell away from it. A bin of n samples along an
    axis reads n + 1 cells there. Sums are float32's.

    Args:
        maps: [B, C, H_l, W_l] per level; only their shapes matter.
        rois: float32 [K, 5].
        strides: of the levels.
        output_size: S.
        feature_type: of the features.
    """
    channels, levels = maps[0].shape[1], roi_levels(rois[:, 1:], len(maps)).tolist()
    is_read = [torch.zeros(feature.shape[0], *feature.shape[2:], dtype=torch.bool) for feature in maps]
    reads = 0
    for (image, *corners), level in zip(rois.tolist(), levels, strict=True):
        left, top, right, bottom = (corner / strides[level] for corner in corners)
        is_read[level][int(image), _cells(top, bottom), _cells(left, right)] = True
        reads += _reads_of_bins(bottom - top, output_size) * _reads_of_bins(right - left, output_size)
    pooled = len(rois) * channels * output_size * output_size
    features = sum(int(level.sum()) for level in is_read) * channels
    return Cost(ELEMENT_SIZES[feature_type] * (features + pooled) + 4 * rois.numel(), {"float32": 2 * reads * channels})


def _cells(low: float, high: float) -> slice:
    """Those along an axis whose centres are less than a cell away from an interval, in cells."""
    return slice(max(int(low - 0.5), 0), ceil(high - 0.5) + 1)


def _reads_of_bins(length: float, bins: int) -> int:
    """Cells that the bins along an axis read, each with as many samples as it is long in cells, rounded up."""
    samples = ceil(length / bins)
    return bins * (samples + 1) if samples > 0 else 0
