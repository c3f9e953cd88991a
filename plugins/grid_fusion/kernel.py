"""How the kernel of `gridrt::GridFusion` is compiled and launched; it is in `kernel.cuh` and what that includes."""

from __future__ import annotations

from collections.abc import Sequence

from gridrt.ops.grid import EDGES, POINTS
from gridrt.plugins.contract import Attributes
from gridrt.plugins.grid_fusion.contract import FEATURES, GRID_FUSION
from gridrt.plugins.kernel import ALL_VARIANTS, Example, Kernel, Launch, Variant
from gridrt.plugins.limits import Limit
from gridrt.plugins.sizes import Size, as_size, largest

THREADS = 256
TEAMS = 2
MOST_OF_ONE_COLOUR = (POINTS + 1) // 2
TAPS = 25
CHANNEL_COUNTS = (16, 32, 48, 64)  # that a point may have
MOST_SIDE = 7
ROW = 8  # halves that a row of a map takes for tensor cores

CHANNELS = FEATURES.dim(1) // POINTS
SIDE = FEATURES.dim(2)


def _launch(variant: Variant, _attributes: Attributes) -> Launch:
    grid = (largest(FEATURES.dim(0), 1), as_size(2), as_size(1))
    return Launch(grid, THREADS, _memory(variant))


def _memory(variant: Variant) -> Size:
    """Bytes; `Memory` in `kernel.cuh` divides them."""
    map_size = CHANNELS * SIDE * SIDE
    first, taps = MOST_OF_ONE_COLOUR * map_size, TEAMS * TAPS * CHANNELS
    if variant.precision == "float32":
        return 4 * (first + TEAMS * map_size + taps)
    return 2 * (first + TEAMS * ROW * CHANNELS * SIDE + TEAMS * map_size + taps)


def _takes(features: Sequence[int]) -> bool:
    _, channels, height, width = features
    return channels in {POINTS * count for count in CHANNEL_COUNTS} and 1 <= height == width <= MOST_SIDE


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
            _takes,
        ),
    ),
)
