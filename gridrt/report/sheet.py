"""Several pictures on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridrt.types import UInt8Array

GAP = 8  # pixels
PAPER = 255


def sheet(pictures: Sequence[UInt8Array], columns: int) -> UInt8Array:
    """Pictures of one size in rows of `columns`, on white.

    Args:
        pictures: uint8 [H, W, 3] each, RGB; at least one.
        columns: of the full rows.

    Returns:
        uint8 [rows * (H + gap) + gap, columns * (W + gap) + gap, 3].
    """
    height, width = (side + GAP for side in pictures[0].shape[:2])
    rows = -(-len(pictures) // columns)
    paper = np.full((rows * height + GAP, columns * width + GAP, 3), PAPER, np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        top, left = row * height + GAP, column * width + GAP
        paper[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return paper
