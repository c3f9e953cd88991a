"""Several images on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridrt.types import UInt8Array

GAP = 8  # pixels
PAPER = 255


def sheet(images: Sequence[UInt8Array], columns: int) -> UInt8Array:
    """Images of one size in rows, on white.

    Args:
        images: uint8 [H, W, 3] each, RGB; at least one.
        columns: images per row.

    Returns:
        uint8 [rows * (H + gap) + gap, columns * (W + gap) + gap, 3].
    """
    height, width = (side + GAP for side in images[0].shape[:2])
    rows = -(-len(images) // columns)
    paper = np.full((rows * height + GAP, columns * width + GAP, 3), PAPER, np.uint8)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = row * height + GAP, column * width + GAP
        paper[top : top + image.shape[0], left : left + image.shape[1]] = image
    return paper
