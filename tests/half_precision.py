"""What FP16 may change in detections, measured in the same run by a rounding that is eight times coarser.

How much of a rounding error reaches the detections depends on the network and the image, and is the same for both.
"""

from __future__ import annotations

import copy

import numpy as np

from gridrt.matched_detections import match_detections
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.types import Detections


def with_coarse_weights(model: GridRCNN) -> GridRCNN:
    """A float32 copy whose weights have BF16's 8 significant bits, where FP16 has 11."""
    coarse = copy.deepcopy(model)
    for weight in coarse.parameters():
        weight.data = weight.data.bfloat16().float()
    return coarse


def assert_errors_of_half_precision(expected: Detections, half: Detections, coarse: Detections) -> None:
    """FP16 rounds weights and features: sqrt(2) / 8 = 0.18 of the coarse error is expected, float32 gives 1e-5 of it.

    Medians, because a box jumps where two cells of its heatmap are nearly as likely; jumps are counted instead.
    """
    found, coarser = match_detections(expected, half), match_detections(expected, coarse)
    for name in ("score_errors", "box_errors"):
        share = np.median(getattr(found, name)) / np.median(getattr(coarser, name))
        assert 0.02 < share < 0.5, (name, found, coarser)
    assert found.outside(1.0, 0.02) < coarser.outside(1.0, 0.02), (found, coarser)
