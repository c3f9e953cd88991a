"""How far two artefacts of one detector may be apart, stage by stage.

A stage that selects, or computes coordinates, is fed with the same numbers on both sides and is FP32 in every recipe:
there the precision of the artefact is no excuse. Features, scores and heatmaps differ as their precision rounds, and
more in a deeper network. Measured, the largest RMS of a difference over the RMS of its stage:

                                       tiny_synthetic, drawn pictures    R-50, a photograph at 800 x 1333
    FP32, PyTorch and ONNX Runtime                               2e-6                                1e-5
    FP16, rounded at every node                                  1e-3                                1e-2
    INT8, the looser of both targets                             5e-2

The weights of that R-50 are not trained, so that its heatmaps are flat and its figures are rather high. Tolerances
leave a factor of 4 or more. A wrong constant, swapped channels or a shuffled class give 0.1 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gridrt.export.verify import EXCUSED_SHARE
from gridrt.runtime.info import NARROWEST_FIRST, Precision

INPUT = 1e-6
"""Of the normalised image, in any precision: a subtraction and a division of integers in FP32."""
ROWS = EXCUSED_SHARE
"""Share of proposals or boxes that may be off: where two scores or two cells are equal to the last bit, either wins."""


@dataclass(frozen=True)
class Tolerances:
    """What depends on the precision of the narrower of two artefacts.

    Attributes:
        maps: of pyramid, objectness, deltas, class scores and heatmaps: RMS of the difference over RMS.
        unpaired: share of the detections of the whole detector that one side alone has.
        overlap_loss: mean of 1 - IoU of those that both have.
    """

    maps: float
    unpaired: float
    overlap_loss: float


TOLERANCES: Mapping[Precision, Tolerances] = {
    "fp32": Tolerances(maps=2e-4, unpaired=0.02, overlap_loss=0.002),
    "fp16": Tolerances(maps=5e-2, unpaired=0.05, overlap_loss=0.02),
    "bf16": Tolerances(maps=5e-2, unpaired=0.05, overlap_loss=0.02),
    "int8": Tolerances(maps=0.2, unpaired=0.15, overlap_loss=0.08),
}


def narrowest(precisions: Iterable[Precision]) -> Precision:
    """The one with the fewest bits; of none, FP32."""
    return min(precisions, key=NARROWEST_FIRST.index, default="fp32")
