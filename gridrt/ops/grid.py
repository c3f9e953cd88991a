"""The grid: nine points of a box, 3 x 3, numbered down the columns.

    0 3 6
    1 4 7      point i stands at column i // 3, row i % 3
    2 5 8

Each point has a heatmap of the whole extended RoI (twice the box, about its centre); of that map only the sub-region
around the point's usual place is predicted.
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
    """The points beside `point`, in the order left, up, down, right, which indexes the published parameters."""
    sides = ((-1, 0), (0, -1), (0, 1), (1, 0))
    places = [(column(point) + dx, row(point) + dy) for dx, dy in sides]
    return tuple(x * SIDE + y for x, y in places if 0 <= x < SIDE and 0 <= y < SIDE)


EDGES: tuple[tuple[int, int], ...] = tuple(
    (source, target) for target in range(POINTS) for source in neighbours(target)
)
"""(source, target) of the 24 directed edges, by target, then in the order of `neighbours`."""


def sub_region_origin(point: int, heatmap_size: int) -> tuple[int, int]:
    """(x, y) of a point's sub-region in the whole map, in cells; the whole map is twice the heatmap on a side."""
    step = heatmap_size // 2
    return column(point) * step, row(point) * step
