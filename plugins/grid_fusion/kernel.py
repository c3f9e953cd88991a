"""How the kernel of `gridrt::GridFusion` is compiled and launched; it is in `kernel.cuh` and what that includes."""

from __future__ import annotations

from gridrt.ops.grid import EDGES, POINTS
from gridrt.plugins.contract import Attributes
from gridrt.plugins.grid_fusion.contract import FEATURES, GRID_FUSION
from gridrt.plugins.kernel import ALL_VARIANTS, Example, Kernel, Launch, Variant
from gridrt.plugins.limits import Limit
from gridrt.plugins.sizes import as_size, largest

THREADS = 256
TEAMS = 2
MOST_OF_ONE_COLOUR = (POINTS + 1) // 2
TAPS = 25
POINT_CHANNELS = (16, 32, 48, 64)  # that a point may have
MOST_SIDE = 7
ROW = 8  # halves that a row of a map takes for tensor cores

CHANNELS = FEATURES.dim(1) // POINTS
SIDE = FEATURES.dim(2)


def _launch(variant: Variant, _attributes: Attributes) -> Launch:
    # `Memory` in `kernel.cuh` divides the shared memory in the same way.
    map_size = CHANNELS * SIDE * SIDE
    elements = MOST_OF_ONE_COLOUR * map_size + TEAMS * map_size + TEAMS * TAPS * CHANNELS
    if variant.feature_type == "float16":
        elements += TEAMS * ROW * CHANNELS * SIDE
    grid = (largest(FEATURES.dim(0), 1), as_size(2), as_size(1))
    return Launch(grid, THREADS, elements * (4 if variant.feature_type == "float32" else 2))


def _example(rois: int, channels: int, side: int) -> Example:
    edges = len(EDGES) * channels
    of_one_order = ((edges, 1, 5, 5), (edges,), (edges, channels, 1, 1), (edges,))
    shapes = ((rois, POINTS * channels, side, side), *of_one_order, *of_one_order)
    return Example({}, dict(zip(GRID_FUSION.inputs, shapes, strict=True)))


GRID_FUSION_KERNEL = Kernel(
    contract=GRID_FUSION,
    variants=ALL_VARIANTS,
    macros=lambda _attributes: {},
    scalars=(FEATURES.dim(0), CHANNELS, SIDE),
    launch=_launch,
    examples=(_example(rois=100, channels=64, side=7),),
    limits=(
        Limit(
            FEATURES.name,
            "must have 16, 32, 48 or 64 channels for each point, and be squares of 1 to 7 cells a side",
            lambda shape: (
                shape[1] in {POINTS * count for count in POINT_CHANNELS} and 1 <= shape[2] == shape[3] <= MOST_SIDE
            ),
        ),
    ),
)
