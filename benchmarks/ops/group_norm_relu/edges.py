"""GroupNormRelu at the edges of what its kernel takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.gpu_edge import Edge
from gridrt.plugins.group_norm_relu.contract import GROUP_NORM_RELU


def edges(random: np.random.Generator) -> Iterator[Edge]:
    """No RoI, one, and several; one cell, and more than a block has threads for; one group, and many."""
    for rois, channels, groups, side in ((0, 16, 2, 7), (1, 8, 1, 1), (3, 64, 8, 5), (2, 128, 2, 14)):
        shapes = ((rois, channels, side, side), *((channels,),) * 3)
        inputs = zip(GROUP_NORM_RELU.inputs, shapes, strict=True)
        yield Edge({"groups": groups, "eps": 1e-5}, {name: random.normal(0, 1, shape) for name, shape in inputs})
