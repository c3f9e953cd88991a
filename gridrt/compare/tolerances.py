"""How far two model files of one detector may differ, stage by stage.

A stage that selects, or computes coordinates, receives the same numbers on both sides and is FP32 in every recipe:
there precision is no excuse. Features, scores and heatmaps differ as their precision rounds, and more in a deeper
network. Measured, the largest RMS of a difference over the RMS of its stage:

                                       tiny_synthetic, synthetic images    R-50, a photograph at 800 x 1333
    FP32, PyTorch and ONNX Runtime                                 2e-6                                1e-5
    FP16, rounded at every node                                    1e-3                                1e-2
    INT8, the worse of both targets                                5e-2

The weights of that R-50 are not trained, so that its heatmaps are flat and its figures rather high. Tolerances leave a
factor of 4 or more. A wrong constant, swapped channels or a permuted class give 0.1 to 1. What an export
may differ by, in pixels and in score, is in `export/verify.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gridrt.export.verify import EXCUSED_SHARE
from gridrt.runtime.info import Precision

INPUT = 1e-6
"""Of the normalised image, in any precision: a subtraction and a division of integers in FP32."""
ROWS = EXCUSED_SHARE
"""Share of proposals or boxes that may differ: where two scores or two cells are equal to the last bit, either wins."""


@dataclass(frozen=True)
class Tolerances:
    """What depends on the narrower of both precisions.

    Attributes:
        maps: of pyramid, objectness, deltas, class scores and heatmaps: RMS of the difference over RMS.
        unmatched: share of the detections, end to end, that only one side has.
        iou_loss: mean of 1 - IoU of those that both have.
    """

    maps: float
    unmatched: float
    iou_loss: float


TOLERANCES: Mapping[Precision, Tolerances] = {
    "fp32": Tolerances(maps=2e-4, unmatched=0.02, iou_loss=0.002),
    "fp16": Tolerances(maps=5e-2, unmatched=0.05, iou_loss=0.02),
    "bf16": Tolerances(maps=5e-2, unmatched=0.05, iou_loss=0.02),
    "int8": Tolerances(maps=0.2, unmatched=0.15, iou_loss=0.08),
}
