"""How the kernel of `gridrt::MultiLevelRoiAlign` is compiled and launched; it is in `kernel.cuh`."""

from __future__ import annotations

from gridrt.plugins.contract import Attributes
from gridrt.plugins.kernel import ALL_VARIANTS, Example, Kernel, Launch, Variant
from gridrt.plugins.limits import Limit
from gridrt.plugins.multi_level_roi_align.contract import LEVELS, MULTI_LEVEL_ROI_ALIGN, ROIS
from gridrt.plugins.sizes import as_size, ceil_div, largest

STRIDES = (4, 8, 16, 32)
THREADS = 128
CHANNELS_PER_BLOCK = 64
BINS_PER_BLOCK = 49
MOST_BINS = 32  # per side: the lanes of a warp


def _launch(_variant: Variant, attributes: Attributes) -> Launch:
    height, width = (largest(LEVELS[0].dim(axis), *(level.dim(axis) for level in LEVELS[1:])) for axis in (2, 3))
    slices = ceil_div(LEVELS[0].dim(1), CHANNELS_PER_BLOCK)
    bins = int(attributes["output_size"])
    row_groups = ceil_div(as_size(bins), max(BINS_PER_BLOCK // bins, 1))
    # For each axis as many weights as it has cells and 2 more per bin; for each bin, its first and its last cell.
    words = height + width + 8 * bins
    return Launch((largest(ROIS.dim(0), 1), slices, row_groups), THREADS, 4 * words)


def _example(output_size: int, rois: int) -> Example:
    shapes = {
        level.name: (1, 256, 800 // stride, 1344 // stride) for level, stride in zip(LEVELS, STRIDES, strict=True)
    }
    return Example({"output_size": output_size, "strides": STRIDES}, {**shapes, ROIS.name: (rois, 5)})


MULTI_LEVEL_ROI_ALIGN_KERNEL = Kernel(
    contract=MULTI_LEVEL_ROI_ALIGN,
    variants=ALL_VARIANTS,
    macros=lambda attributes: {
        "GRIDRT_OUTPUT_SIZE": str(attributes["output_size"]),
        **{
            f"GRIDRT_STRIDE_{level.name.upper()}": str(stride)
            for level, stride in zip(LEVELS, attributes["strides"], strict=True)
        },
    },
    scalars=(
        ROIS.dim(0),
        LEVELS[0].dim(1),
        *(level.dim(axis) for level in LEVELS for axis in (2, 3)),
    ),
    launch=_launch,
    examples=(_example(7, 1000), _example(14, 100)),
    limits=(
        Limit("output_size", f"must be from 1 to {MOST_BINS}", lambda side: 1 <= side <= MOST_BINS),
        Limit("strides", f"must be {len(LEVELS)}, one for each level", lambda strides: len(strides) == len(LEVELS)),
    ),
)
