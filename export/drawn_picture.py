"""A picture to verify on where the user gives none."""

from __future__ import annotations

import numpy as np

from gridrt.types import UInt8Array

HEIGHT, WIDTH = 384, 640
SHAPES = 24


def drawn_picture() -> UInt8Array:
    """Discs and squares of many sizes before a gradient, with noise: uint8 [H, W, 3], the same every time."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    picture = np.stack((x * 0.3, 255 - y * 0.5, 90 + y * 0.2), -1)
    for shape in range(SHAPES):
        across, down = abs(x - random.uniform(0, WIDTH)), abs(y - random.uniform(0, HEIGHT))
        distance = np.hypot(across, down) if shape % 2 else np.maximum(across, down)
        picture[distance < random.uniform(8, 90)] = random.uniform(0, 255, 3)
    return (picture + random.normal(0, 6, picture.shape)).clip(0, 255).astype(np.uint8)
