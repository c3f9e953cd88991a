"""A synthetic image to verify on where the user gives none."""

from __future__ import annotations

import numpy as np

from gridrt.types import UInt8Array

HEIGHT, WIDTH = 384, 640
SHAPES = 24


def synthetic_image() -> UInt8Array:
    """Discs and squares of many sizes on a gradient, with noise: uint8 [H, W, 3], always the same."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = np.stack((x * 0.3, 255 - y * 0.5, 90 + y * 0.2), -1)
    for shape in range(SHAPES):
        across, down = abs(x - random.uniform(0, WIDTH)), abs(y - random.uniform(0, HEIGHT))
        distance = np.hypot(across, down) if shape % 2 else np.maximum(across, down)
        image[distance < random.uniform(8, 90)] = random.uniform(0, 255, 3)
    return (image + random.normal(0, 6, image.shape)).clip(0, 255).astype(np.uint8)
