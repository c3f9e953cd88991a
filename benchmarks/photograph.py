"""Photographs to measure on."""

from __future__ import annotations

import numpy as np
from skimage import data

from gridrt.types import UInt8Array

PHOTOGRAPHS = ("coffee", "chelsea", "astronaut", "rocket")
"""Those of scikit-image, in RGB: a cup, a cat, a person, a rocket on its pad."""


def photograph(name: str = PHOTOGRAPHS[0]) -> UInt8Array:
    """One of `PHOTOGRAPHS`, uint8 [height, width, 3] RGB; coffee is 400 x 600 (Rachel Michetti, CC0)."""
    return np.asarray(getattr(data, name)(), np.uint8)
