"""How the kernel of `gridrt::GroupNormRelu` is compiled and launched; it is in `kernel.cuh`."""

from __future__ import annotations

from gridrt.plugins.contract import Attributes
from gridrt.plugins.group_norm_relu.contract import BIAS, FEATURES, GROUP_NORM_RELU, SHIFT, WEIGHT
from gridrt.plugins.kernel import BYTES_AT_ONCE, Example, Kernel, Launch, Variant
from gridrt.plugins.limits import Limit
from gridrt.plugins.sizes import as_size, largest

THREADS = 128
WARPS = THREADS // 32
ELEMENT_SIZES = {"float32": 4, "float16": 2}


def fits(channels: int, groups: int, feature_type: str) -> bool:
    """Whether a group of channels is a whole number of what a thread reads at a time."""
    return channels // groups * ELEMENT_SIZES[feature_type] % BYTES_AT_ONCE == 0


def _launch(variant: Variant, attributes: Attributes) -> Launch:
    groups = int(attributes["groups"])
    elements = FEATURES.dim(1) // groups * FEATURES.dim(2) * FEATURES.dim(3)
    return Launch(
        grid=(largest(FEATURES.dim(0), 1), as_size(groups), as_size(1)),
        threads=THREADS,
        # The features of a group, and a sum for each warp.
        shared_memory=elements * ELEMENT_SIZES[variant.feature_type] + 4 * WARPS,
    )


def _example(groups: int, side: int) -> Example:
    channels = 576
    vectors = {tensor.name: (channels,) for tensor in (BIAS, WEIGHT, SHIFT)}
    return Example({"groups": groups, "eps": 1e-5}, {FEATURES.name: (100, channels, side, side), **vectors})


GROUP_NORM_RELU_KERNEL = Kernel(
    contract=GROUP_NORM_RELU,
    variants=(Variant("float32", channels_last=True), Variant("float16", channels_last=True)),
    macros=lambda attributes: {
        "GRIDRT_GROUPS": str(attributes["groups"]),
        "GRIDRT_EPS": repr(float(attributes["eps"])),
    },
    scalars=(FEATURES.dim(0), FEATURES.dim(1), FEATURES.dim(2), FEATURES.dim(3)),
    launch=_launch,
    examples=(_example(36, 7), _example(9, 14)),
    limits=(
        Limit("groups", "must be at least 1", lambda groups: groups >= 1),
        Limit("eps", "must be more than 0", lambda eps: eps > 0),
    ),
)
