"""MultiLevelRoiAlign at the edges of what its kernel takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.gpu_edge import Edge
from gridrt.plugins.multi_level_roi_align.kernel import STRIDES

CORNERS: tuple[tuple[float, float, float, float], ...] = (
    *((0, 0, 9, 7), (5, 5, 5, 5), (-40, -30, 20, 10)),
    *((60, 50, 200, 180), (0, 0, 399, 299), (30, 30, 10, 10)),
    *((1, 2, 500, 460), (-5000, -5000, 5000, 5000), (76.5, 59.5, 77.5, 60.5)),
)
"""On each level, across borders, empty, turned around and huge."""


def edges(random: np.random.Generator) -> Iterator[Edge]:
    """No RoI; RoIs at `CORNERS`; maps of odd sides, one of them of one cell."""
    table = np.array([(index % 2, *xyxy) for index, xyxy in enumerate(CORNERS)], np.float32)
    for bins, channels, rois in ((7, 64, table[:0]), (7, 72, table), (14, 8, table), (32, 8, table[:2]), (1, 8, table)):
        maps = {f"p{level + 2}": (2, channels, 61 // 2**level, 79 // 2**level or 1) for level in range(len(STRIDES))}
        maps["p5"] = (2, channels, 1, 1)
        features = {name: random.normal(0, 1, shape) for name, shape in maps.items()}
        yield Edge({"output_size": bins, "strides": STRIDES}, {**features, "rois": rois})
