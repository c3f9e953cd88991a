"""The detector: images in, detections in their own pixels out, whatever runs the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridrt.config import ScaleOrigin
from gridrt.data.transform import Transform, restore_boxes
from gridrt.errors import GridRTError
from gridrt.runtime.backend import Session
from gridrt.runtime.info import ModelInfo
from gridrt.types import Detections, Float32Array, RawDetections, UInt8Array


class Detector:
    """A session with what comes before and after it: resizing, padding, restoring coordinates.

    Args:
        session: what runs the model.
        scale: most pixels on the long and on the short side of a resized image; None is what the model learned from.

    Attributes:
        scale_origin: where `scale` comes from; "assumed" may well be wrong, and then costs accuracy.

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
        """Names of the classes, in the order of the labels."""
        return self._session.info.class_names

    @property
    def scale(self) -> tuple[int, int]:
        """Most pixels on the long and on the short side of a resized image."""
        return self._transform.scale

    def __call__(self, images: Sequence[UInt8Array]) -> list[Detections]:
        """Detect in images of any sizes, run as one batch.

        Args:
            images: uint8 [H, W, 3] each, RGB.

        Returns:
            For each image what was found in it, best score first, in its own pixels.

        Raises:
            GridRTError: one of `images` is not such an array.
        """
        for index, image in enumerate(images):
            _check_image(index, image)
        if len(images) == 0:
            return []
        batch = self._transform(images)
        raw = self._session.run(batch.images, batch.image_sizes)
        return [_used_rows(raw, index, factor) for index, factor in enumerate(batch.scale_factors)]


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


def _used_rows(raw: RawDetections, index: int, scale_factor: Float32Array) -> Detections:
    used = raw.labels[index] >= 0  # [D]
    boxes = restore_boxes(raw.boxes[index][used], scale_factor)
    return Detections(boxes, raw.scores[index][used], raw.labels[index][used])
