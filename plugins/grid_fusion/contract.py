"""`gridrt::GridFusion`: what it takes and gives. Defined by `gridrt.ops.grid_fusion.grid_fusion`."""

from __future__ import annotations

from gridrt.plugins.contract import Contract, Input, Output, Tolerance

FEATURES = Input("features", "feature", 4, is_map=True)
"""[K, P * C, S, S]."""
WEIGHTS = tuple(
    Input(f"{order}_{name}", "feature", rank)
    for order in ("first", "second")
    for name, rank in (
        ("depthwise", 4),  # [E * C, 1, 5, 5]
        ("depthwise_bias", 1),  # [E * C]
        ("pointwise", 4),  # [E * C, C, 1, 1]
        ("pointwise_bias", 1),  # [E * C]
    )
)


GRID_FUSION = Contract(
    name="GridFusion",
    input_tensors=(FEATURES, *WEIGHTS),
    output_tensors=(
        Output("fused", "feature", lambda _: tuple(FEATURES.dim(axis) for axis in range(FEATURES.rank)), is_map=True),
    ),
    node_constants=(),
    tolerances={"float32": Tolerance(2e-5, 1e-5), "float16": Tolerance(4e-3, 2e-3)},
)
