"""Fit batches to the shapes that an engine accepts.

Shapes: B images of H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridrt.errors import EngineError
from gridrt.types import Int32Array, UInt8Array


def fit_batch(
    images: UInt8Array, image_sizes: Int32Array, bounds: Sequence[Sequence[int]]
) -> tuple[UInt8Array, Int32Array]:
    """Pad a batch with black to the smallest shape that an engine accepts; added rows come last.

    Args:
        images: uint8 [B, H, W, 3].
        image_sizes: int32 [B, 2].
        bounds: smallest, tuned and largest shape of `images`, as in an engine's manifest.

    Raises:
        EngineError: the batch is larger than the largest shape.
    """
    smallest, _, largest = bounds
    shape = tuple(map(max, images.shape, smallest))
    if any(size > most for size, most in zip(shape, largest, strict=True)):
        raise EngineError(
            f"batches must be {format_shape(smallest)} to {format_shape(largest)} for this engine",
            place="images",
            value=format_shape(images.shape),
            remedy="Use another `scale`, or build an engine for these shapes: gridrt build-engine --batch --size.",
        )
    if shape == images.shape:
        return images, image_sizes
    batch, height, width, _ = images.shape
    padded = np.zeros(shape, np.uint8)
    padded[:batch, :height, :width] = images
    sizes = np.full((shape[0], 2), shape[1:3], np.int32)
    sizes[:batch] = image_sizes
    return padded, sizes


def format_shape(shape: Sequence[int]) -> str:
    """The shape of a batch as people read it: [2, 800, 1344, 3] -> 2 of 800x1344."""
    return f"{shape[0]} of {shape[1]}x{shape[2]}"
