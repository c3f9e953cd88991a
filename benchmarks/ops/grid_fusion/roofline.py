"""Bytes and FLOP of GridFusion. Shapes: K RoIs, C channels per grid point, S cells per side."""

from __future__ import annotations

from benchmarks.gpu_cost import ELEMENT_SIZES, Cost
from gridrt.ops.grid import EDGES, POINTS
from gridrt.plugins.contract import FeatureType

TAPS = 5  # per side of the depth-wise convolutions
ORDERS = 2


def fusion_cost(rois: int, channels: int, side: int, feature_type: FeatureType) -> Cost:
    """Features in and out and the weights of both orders; along each edge a depth-wise and a point-wise convolution.

    Taps beyond the border do not count: along a side of S cells, 5 S - 6 are within (S >= 3). Depth-wise products are
    float32's, as in the kernel; biases and the sums over edges (less than 2 %) are left out.
    """
    edges = ORDERS * len(EDGES)
    weights = edges * channels * (TAPS * TAPS + 1 + channels + 1)
    features = 2 * rois * POINTS * channels * side * side
    within = sum(min(cell + TAPS // 2, side - 1) - max(cell - TAPS // 2, 0) + 1 for cell in range(side))
    depthwise = 2 * edges * rois * channels * within * within
    pointwise = 2 * edges * rois * channels * channels * side * side
    flops: dict[FeatureType, int] = {"float32": depthwise}
    flops[feature_type] = flops.get(feature_type, 0) + pointwise
    return Cost(ELEMENT_SIZES[feature_type] * (features + weights), flops)
