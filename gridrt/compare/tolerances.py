"""How far two artefacts of one detector may be apart, stage by stage.

A stage that selects, or computes coordinates, is fed with the same numbers on both sides and is FP32 in every recipe:
there the precision of the artefact is no excuse. Features, scores and heatmaps differ as their precision rounds, and
more in a deeper network. Measured on 4 drawn pictures and 4 of blood cells with the weights that ship, and with R-50
at 800 x 1333, largest of all maps (RMS of the difference over RMS):

    FP32, PyTorch and ONNX Runtime    1e-6, R-50 2e-5
    FP16, rounded at every node       2e-3
    INT8, both targets                6e-2

Tolerances leave a factor of 3 to 10 above that. A wrong constant, a swapped channel or a shuffled row gives 0.1 to 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gridrt.export.engine.precision import NARROWEST_FIRST, Precision
from gridrt.export.verify import EXCUSED_SHARE

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
    "fp16": Tolerances(maps=1e-2, unpaired=0.05, overlap_loss=0.01),
    "int8": Tolerances(maps=0.2, unpaired=0.15, overlap_loss=0.08),
}


def narrowest(precisions: Iterable[Precision]) -> Precision:
    """The one with the fewest bits; of none, FP32."""
    return min(precisions, key=NARROWEST_FIRST.index, default="fp32")
