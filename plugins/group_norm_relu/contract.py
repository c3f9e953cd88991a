"""`gridrt::GroupNormRelu`: what it takes and gives. Defined by `gridrt.ops.group_norm_relu.group_norm_relu`."""

from __future__ import annotations

from gridrt.plugins.contract import Attribute, Contract, Input, Output, Tolerance

FEATURES = Input("features", "feature", 4, is_map=True)
"""[K, C, H, W]"""
BIAS, WEIGHT, SHIFT = (Input(name, "feature", 1) for name in ("bias", "weight", "shift"))
"""[C]: the convolution's, and the normalisation's."""

GROUP_NORM_RELU = Contract(
    name="GroupNormRelu",
    input_tensors=(FEATURES, BIAS, WEIGHT, SHIFT),
    output_tensors=(
        Output("rectified", "feature", lambda _attributes: tuple(map(FEATURES.dim, range(4))), is_map=True),
    ),
    node_constants=(Attribute("groups", "int"), Attribute("eps", "float")),
    tolerances={"float32": Tolerance(2e-5, 2e-5), "float16": Tolerance(2e-3, 2e-3)},
)
