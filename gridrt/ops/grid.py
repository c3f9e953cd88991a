"""The grid: 3 x 3 points of a box, numbered down the columns.

    0 3 6
    1 4 7      point i is in column i // 3, row i % 3
    2 5 8

The heatmap of a point spans the extended RoI (the box at twice its size, about the same centre). The head predicts
only the sub-region of that map in which the point lies.
"""

from __future__ import annotations

SIDE = 3
POINTS = SIDE * SIDE


def column(point: int) -> int:
    """0, 1, 2 from left to right."""
    return point // SIDE


def row(point: int) -> int:
    """0, 1, 2 from top to bottom."""
    return point % SIDE


def neighbours(point: int) -> tuple[int, ...]:
    """The adjacent points in the order left, up, down, right, which is that of the published parameters."""
    sides = ((-1, 0), (0, -1), (0, 1), (1, 0))
    places = [(column(point) + dx, row(point) + dy) for dx, dy in sides]
    return tuple(x * SIDE + y for x, y in places if 0 <= x < SIDE and 0 <= y < SIDE)


EDGES: tuple[tuple[int, int], ...] = tuple(
    (source, target) for target in range(POINTS) for source in neighbours(target)
)
"""(source, target) of the 24 directed edges, ordered by target, then as `neighbours`."""


def sub_region_origin(point: int, heatmap_size: int) -> tuple[int, int]:
    """(x, y) in cells of a point's sub-region within the whole map, which is twice as wide and high as the heatmap."""
    step = heatmap_size // 2
    return column(point) * step, row(point) * step
