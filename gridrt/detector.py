"""The detector: takes images and returns detections in their pixels, with any backend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridrt.config import ScaleOrigin
from gridrt.data.transform import Transform, restore_boxes
from gridrt.errors import GridRTError, NonFiniteError
from gridrt.runtime.backend import Session
from gridrt.runtime.info import ModelInfo
from gridrt.types import Detections, Float32Array, UInt8Array


class Detector:
    """A session with its pre- and post-processing: resizing, padding, restoring coordinates.

    Args:
        session: runs the model.
        scale: most pixels on the long and on the short side of a resized image; None takes that of the training.

    Attributes:
        scale_origin: where `scale` comes from; an "assumed" scale may be wrong, which costs accuracy.

    Raises:
        GridRTError: a side of `scale` is not positive.
    """

    def __init__(self, session: Session, scale: tuple[int, int] | None = None) -> None:
        self._session = session
        self._transform = Transform(session.info.scale if scale is None else scale)
        self.scale_origin: ScaleOrigin = session.info.scale_origin if scale is None else "as asked"

    @property
    def info(self) -> ModelInfo:
        """What it runs, and on what."""
        return self._session.info

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names, in the order of the labels."""
        return self._session.info.class_names

    @property
    def scale(self) -> tuple[int, int]:
        """Most pixels on the long and on the short side of a resized image."""
        return self._transform.scale

    def __call__(self, images: Sequence[UInt8Array]) -> list[Detections]:
        """Detect objects in images of any sizes, run as one batch.

        Args:
            images: uint8 [H, W, 3] each, RGB.

        Returns:
            The detections in each image, best score first, in its own pixels.

        Raises:
            GridRTError: one of `images` is not such an array.
            NonFiniteError: a box or a score of an image is NaN or infinite; the place is `images[index]`. To get the
                detections of the other images, run them without this one.
        """
        for index, image in enumerate(images):
            _check_image(index, image)
        if len(images) == 0:
            return []
        batch = self._transform(images)
        raw = self._session.run(batch.images, batch.image_sizes)
        found = []
        for index, factor in enumerate(batch.scale_factors):
            used = raw.labels[index] >= 0  # [D]
            boxes, scores = raw.boxes[index][used], raw.scores[index][used]
            _check_finite(index, "boxes", boxes)
            _check_finite(index, "scores", scores[:, None])
            found.append(Detections(restore_boxes(boxes, factor), scores, raw.labels[index][used]))
        return found


def _check_image(index: int, image: object) -> None:
    if not isinstance(image, np.ndarray):
        found = type(image).__name__
    elif image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        found = f"{image.dtype} {list(image.shape)}"
    else:
        return
    raise GridRTError(
        "an image must be a uint8 array of shape [height, width, 3] in RGB",
        place=f"images[{index}]",
        value=found,
        remedy="gridrt.load_image reads one from a file.",
    )


def _check_finite(index: int, output: str, rows: Float32Array) -> None:
    """Require finite numbers in the used rows of an image: [N, numbers of a detection]."""
    broken = np.flatnonzero(~np.isfinite(rows).all(1))
    if broken.size:
        raise NonFiniteError(
            f"the {output} of the model must be finite numbers",
            place=f"images[{index}]",
            value=f"{rows[broken[0]].tolist()} in detection {broken[0]}, {broken.size} of {len(rows)} such detections",
        )
