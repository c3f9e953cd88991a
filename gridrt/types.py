"""The nouns that every part of GridRT passes around.

Shapes: B images, D detection rows a graph returns per image, N detections found in one image.
`boxes` are xyxy in absolute pixels, continuous: width = x2 - x1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # most who import this module need no torch
    from torch import Tensor

UInt8Array = npt.NDArray[np.uint8]
Int32Array = npt.NDArray[np.int32]
Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Detections:
    """What was found in one image, best score first.

    Attributes:
        boxes: float32 [N, 4], xyxy in pixels of the original image; may reach past its border.
        scores: float32 [N], class probability in (0, 1].
        labels: int32 [N], index into the model's class names.
    """

    boxes: Float32Array
    scores: Float32Array
    labels: Int32Array

    def __len__(self) -> int:
        return len(self.scores)

    def above(self, score_threshold: float) -> Detections:
        """Those whose score is at least `score_threshold`, in the same order."""
        keep = self.scores >= score_threshold
        return Detections(self.boxes[keep], self.scores[keep], self.labels[keep])


@dataclass(frozen=True)
class GroundTruth:
    """What one image of a training batch shows, as annotated.

    Attributes:
        boxes: float32 [G, 4], xyxy in pixels of the resized image, within it and of positive width and height.
        labels: int64 [G], index into the model's class names.
    """

    boxes: Tensor
    labels: Tensor


@dataclass(frozen=True)
class RawDetections:
    """What a session returns for a batch: padded rows, best score first.

    Attributes:
        boxes: float32 [B, D, 4], xyxy in pixels of the resized image; zeros in unused rows.
        scores: float32 [B, D]; 0 in unused rows.
        labels: int32 [B, D]; -1 in unused rows.
    """

    boxes: Float32Array
    scores: Float32Array
    labels: Int32Array
