"""Detect in images of any sizes: batches of one canvas, and every image fails for itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from gridrt.config import SIZE_DIVISOR
from gridrt.data.transform import rescaled_size
from gridrt.detector import Detector
from gridrt.errors import GridRTError
from gridrt.types import Detections, UInt8Array

Outcome: TypeAlias = "Detections | GridRTError"
"""What became of one image."""


def detect_each(detector: Detector, images: Sequence[UInt8Array | GridRTError], most: int) -> list[Outcome]:
    """Detect in images of any sizes, each with the numbers that it gives alone.

    A batch has images of one canvas only, for some models see the padding. Where a batch fails, its images are run one
    by one, so that the error is that of the image which caused it.

    Args:
        detector: that runs them.
        images: uint8 [H, W, 3] each, RGB; or the error of one that could not be read, which is handed on.
        most: images in a batch, at most.

    Returns:
        The detections in each image, or its error, in the same order.
    """
    outcomes: dict[int, Outcome] = {
        index: image for index, image in enumerate(images) if isinstance(image, GridRTError)
    }
    readable = {index: image for index, image in enumerate(images) if not isinstance(image, GridRTError)}
    groups = defaultdict[object, list[int]](list)
    for index, image in readable.items():
        # A tiled detector makes a batch of each image by itself.
        groups[canvas_of(image, detector.scale) if detector.tile is None else index].append(index)
    for group in groups.values():
        for start in range(0, len(group), most):
            batch = group[start : start + most]
            outcomes.update(zip(batch, _detect(detector, [readable[index] for index in batch]), strict=True))
    return [outcomes[index] for index in range(len(images))]


def canvas_of(image: UInt8Array, scale: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the canvas on which an image, uint8 [H, W, 3], runs alone."""
    height, width = rescaled_size(image.shape[0], image.shape[1], scale)
    return -(-height // SIZE_DIVISOR) * SIZE_DIVISOR, -(-width // SIZE_DIVISOR) * SIZE_DIVISOR


def _detect(detector: Detector, images: Sequence[UInt8Array]) -> list[Outcome]:
    try:
        return list(detector(images))
    except GridRTError as error:
        if len(images) == 1:
            return [error]
        return [outcome for image in images for outcome in _detect(detector, [image])]
