"""The types that the parts of GridRT exchange.

Shapes: B images, D detection rows a graph returns per image, N detections in one image.
`boxes` are xyxy in absolute pixels, continuous: width = x2 - x1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypedDict

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # importing torch takes seconds, and most importers do not need it
    from torch import Tensor

UInt8Array = npt.NDArray[np.uint8]
Int32Array = npt.NDArray[np.int32]
Float32Array = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

CocoId: TypeAlias = "int | float | str"
"""The id of an image or a category in an annotation file: COCO's are numbers, other tools write texts too."""


class Detection(NamedTuple):
    """One detection.

    Attributes:
        box: float32 [4], xyxy in pixels of the original image.
        score: class probability in (0, 1].
        label: index into the model's class names.
    """

    box: Float32Array
    score: float
    label: int


class NamedDetection(TypedDict):
    """One detection, ready for JSON; `box` is xyxy in pixels of the original image."""

    box: list[float]
    score: float
    label: int
    name: str


class CocoResult(TypedDict):
    """One detection in COCO's format of results; `bbox` is x, y, width, height in pixels of the original image."""

    image_id: CocoId
    category_id: CocoId
    bbox: list[float]
    score: float


@dataclass(frozen=True, eq=False)
class Detections:
    """The detections in one image, best score first.

    Iterating yields each `Detection`. Two instances are equal if all their boxes, scores and labels are equal, in the
    same order; there is no tolerance, and NaN equals nothing. Instances have no hash.

    Attributes:
        boxes: float32 [N, 4], xyxy in pixels of the original image; may reach past its border.
        scores: float32 [N], class probabilities in (0, 1].
        labels: int32 [N], indices into the model's class names.
        full_at: the lowest score in an output of the model with as many detections as it can return, in the image or in
            a tile of it: more may be there with lower scores. None where there is no such output.
    """

    boxes: Float32Array
    scores: Float32Array
    labels: Int32Array
    full_at: float | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[Detection]:
        return map(Detection, self.boxes, self.scores.tolist(), self.labels.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Detections):
            return NotImplemented
        return all(
            np.array_equal(mine, others)
            for mine, others in zip(
                (self.boxes, self.scores, self.labels), (other.boxes, other.scores, other.labels), strict=True
            )
        )

    __hash__ = None  # type: ignore[assignment]  # arrays can change

    def above(self, score_threshold: float) -> Detections:
        """The detections whose score is at least `score_threshold`, in the same order."""
        return self.where(self.scores >= score_threshold)

    def of_labels(self, labels: Sequence[int]) -> Detections:
        """The detections with one of these labels, in the same order."""
        return self.where(np.isin(self.labels, labels))

    def where(self, keep: npt.NDArray[np.bool_]) -> Detections:
        """The detections for which `keep`, bool [N], holds, in the same order."""
        return replace(self, boxes=self.boxes[keep], scores=self.scores[keep], labels=self.labels[keep])

    def is_full(self, score_threshold: float = 0.0) -> bool:
        """Whether the model has returned as many detections of at least this score as it can: more may be there."""
        return self.full_at is not None and self.full_at >= score_threshold

    def clip(self, height: int, width: int) -> Detections:
        """The same detections with boxes clipped to an image: x to [0, width], y to [0, height].

        A box that lies outside the image keeps its row and has no area.
        """
        limit = np.array([width, height, width, height], np.float32)
        return replace(self, boxes=self.boxes.clip(0, limit))

    def to_dicts(self, class_names: Sequence[str]) -> list[NamedDetection]:
        """One dict per detection, ready for JSON.

        Numbers are the shortest decimals that read back as the same float32.

        Args:
            class_names: indexed by the labels.
        """
        return [
            {
                "box": [float(str(coordinate)) for coordinate in box],
                "score": float(str(score)),
                "label": int(label),
                "name": class_names[label],
            }
            for box, score, label in zip(self.boxes, self.scores, self.labels, strict=True)
        ]

    def to_coco(self, image_id: CocoId, category_ids: Sequence[CocoId | None]) -> list[CocoResult]:
        """One entry per detection for a list of COCO results, as pycocotools' `loadRes` takes it.

        Args:
            image_id: of the image.
            category_ids: of the labels; detections whose label has None are left out.
        """
        categories = [category_ids[label] for label in self.labels]
        return [
            {"image_id": image_id, "category_id": category, "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score}
            for (x1, y1, x2, y2), score, category in zip(
                self.boxes.tolist(), self.scores.tolist(), categories, strict=True
            )
            if category is not None
        ]


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The annotated objects of one image of a training batch.

    Attributes:
        boxes: float32 [G, 4], xyxy in pixels of the resized image, within it and of positive width and height.
        labels: int64 [G], indices into the model's class names.
    """

    boxes: Tensor
    labels: Tensor


@dataclass(frozen=True, eq=False)
class RawDetections:
    """The output of a session for a batch: a fixed number of rows per image, best score first.

    Attributes:
        boxes: float32 [B, D, 4], xyxy in pixels of the resized image; zeros in unused rows.
        scores: float32 [B, D]; 0 in unused rows.
        labels: int32 [B, D]; -1 in unused rows.
    """

    boxes: Float32Array
    scores: Float32Array
    labels: Int32Array
