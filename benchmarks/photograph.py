"""Photographs to measure with."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gridrt.data.transform import Batch, Transform
from gridrt.types import UInt8Array

PHOTO = Path(__file__).parents[1] / "tests" / "data" / "photos" / "coffee.png"
"""The file of one of them."""

PHOTOGRAPHS = ("coffee", "chelsea", "astronaut", "rocket")
"""Those of scikit-image, in RGB: a cup, a cat, a person, a rocket on its pad."""


def photograph(name: str = PHOTOGRAPHS[0]) -> UInt8Array:
    """One of `PHOTOGRAPHS`, uint8 [height, width, 3] RGB; coffee is 400 x 600 (Rachel Michetti, CC0)."""
    from skimage import data

    return np.asarray(getattr(data, name)(), np.uint8)


def filling(photo: UInt8Array, scale: tuple[int, int]) -> Batch:
    """A photograph, cut to the shape of `scale` (long side, short side) so that it fills it, and resized."""
    long, short = scale
    height = round(photo.shape[1] * short / long)
    top = (photo.shape[0] - height) // 2
    return Transform(scale)([photo[top : top + height]])
