"""GridFusion at the edges of what its kernel takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.gpu_edge import Edge
from gridrt.ops.grid import EDGES, POINTS
from gridrt.plugins.grid_fusion.contract import GRID_FUSION


def edges(random: np.random.Generator) -> Iterator[Edge]:
    """No RoI, one, and several; the smallest and the largest maps and channels."""
    for rois, channels, side in ((0, 16, 7), (1, 64, 7), (3, 16, 1), (2, 32, 2), (2, 48, 5)):
        rows = len(EDGES) * channels
        weights = ((rows, 1, 5, 5), (rows,), (rows, channels, 1, 1), (rows,))
        shapes = ((rois, POINTS * channels, side, side), *weights, *weights)
        inputs = zip(GRID_FUSION.inputs, shapes, strict=True)
        yield Edge({}, {name: random.normal(0, 0.1, shape) for name, shape in inputs})
