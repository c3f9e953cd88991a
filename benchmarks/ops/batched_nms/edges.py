"""BatchedNms at the edges of what its kernel takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.gpu_edge import Edge


def edges(random: np.random.Generator) -> Iterator[Edge]:
    """No candidate, one, ties, more than a window of 1024, and nothing above the threshold."""
    for rows, columns, kept, score in (
        (0, 1, 5, -1),
        (1, 1, 5, -1),
        (33, 3, 100, 0.5),
        (2500, 1, 1000, -1),
        (40, 2, 7, 9),
    ):
        points = random.uniform(0, 500, (2, rows, 2, 2))
        boxes = np.concatenate((points.min(2), points.max(2)), -1)
        scores = np.round(random.uniform(0, 1, (2, rows, columns)), 1)  # so that many are equal
        attributes = {"iou_threshold": 0.5, "score_threshold": float(score), "max_output": kept}
        yield Edge(attributes, {"boxes": boxes, "scores": scores, "groups": np.arange(rows) % 3})
