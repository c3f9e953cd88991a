"""Batches as an engine takes them.

Shapes: B images of H x W pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridrt.errors import EngineError
from gridrt.types import Int32Array, UInt8Array


def fitted(
    images: UInt8Array, image_sizes: Int32Array, bounds: Sequence[Sequence[int]]
) -> tuple[UInt8Array, Int32Array]:
    """A batch, padded with black to the smallest that an engine takes; rows that are added are the last.

    Args:
        images: uint8 [B, H, W, 3].
        image_sizes: int32 [B, 2].
        bounds: smallest, tuned and largest shape of `images`, as in an engine's manifest.

    Raises:
        EngineError: it is larger than the largest.
    """
    smallest, _, largest = bounds
    shape = tuple(map(max, images.shape, smallest))
    if any(size > most for size, most in zip(shape, largest, strict=True)):
        rule = f"this engine takes batches of {batch_text(smallest)} to {batch_text(largest)}"
        remedy = "Detect with another --scale, or build an engine for these: gridrt build-engine --batch --size."
        raise EngineError(rule, place="images", value=batch_text(images.shape), remedy=remedy)
    if shape == images.shape:
        return images, image_sizes
    batch, height, width, _ = images.shape
    padded = np.zeros(shape, np.uint8)
    padded[:batch, :height, :width] = images
    sizes = np.full((shape[0], 2), shape[1:3], np.int32)
    sizes[:batch] = image_sizes
    return padded, sizes


def batch_text(shape: Sequence[int]) -> str:
    """The shape of a batch in words: [2, 800, 1344, 3] -> 2 of 800x1344."""
    return f"{shape[0]} of {shape[1]}x{shape[2]}"
