"""Bytes of GroupNormRelu. Shapes: K RoIs, C channels, S cells per side."""

from __future__ import annotations

from benchmarks.gpu_cost import ELEMENT_SIZES, Cost
from gridrt.plugins.contract import FeatureType


def norm_cost(rois: int, channels: int, side: int, feature_type: FeatureType) -> Cost:
    """Features in and out, and three vectors in; 8 FLOP for each feature."""
    features = rois * channels * side * side
    return Cost(ELEMENT_SIZES[feature_type] * (2 * features + 3 * channels), {"float32": 8 * features})
