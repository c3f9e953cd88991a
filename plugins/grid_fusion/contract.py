"""`gridrt::GridFusion`: what it takes and gives. Defined by `gridrt.ops.grid_fusion.grid_fusion`."""

from __future__ import annotations

from gridrt.plugins.contract import Contract

GRID_FUSION = Contract(
    name="GridFusion",
    inputs=(
        "features",  # float32 or float16 [K, P * C, S, S]
        "first_depthwise",  # [E * C, 1, 5, 5], of the features' type as all weights
        "first_depthwise_bias",  # [E * C]
        "first_pointwise",  # [E * C, C, 1, 1]
        "first_pointwise_bias",  # [E * C]
        "second_depthwise",
        "second_depthwise_bias",
        "second_pointwise",
        "second_pointwise_bias",
    ),
    outputs=("fused",),  # [K, P * C, S, S]
)
