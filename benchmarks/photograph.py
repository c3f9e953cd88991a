"""A photograph to measure on."""

from __future__ import annotations

import numpy as np
from skimage import data

from gridrt.types import UInt8Array


def photograph() -> UInt8Array:
    """A cup of coffee, uint8 [400, 600, 3] RGB (Rachel Michetti, CC0; it comes with scikit-image)."""
    return np.asarray(data.coffee(), np.uint8)  # type: ignore[no-untyped-call]
