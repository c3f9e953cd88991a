"""Anchors against the reference."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from gridrt.config import AnchorConfig
from gridrt.ops.anchors import base_anchors, grid_anchors

CONFIG = AnchorConfig()


@pytest.mark.parametrize("level", range(5))
def test_anchors_of_every_level_equal_the_reference(
    golden: Callable[[str], Mapping[str, np.ndarray]], level: int
) -> None:
    arrays = golden("unit_anchor_coder_assign")
    height, width = (int(side) for side in arrays["anchor_featsizes"][level])
    base = base_anchors(CONFIG.strides[level], CONFIG)
    np.testing.assert_array_equal(base, arrays[f"base_anchors_{level}"])
    np.testing.assert_array_equal(grid_anchors(height, width, CONFIG.strides[level], base), arrays[f"anchors_{level}"])
