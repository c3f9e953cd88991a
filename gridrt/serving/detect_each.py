"""Detect in images of any sizes: batches of one canvas, and every image fails for itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TypeAlias

from gridrt.data.transform import Prepared
from gridrt.detector import Detector, check_images
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
    outcomes: dict[int, Outcome] = {}
    groups = defaultdict[tuple[int, int], list[tuple[int, Prepared]]](list)
    for index, image in enumerate(images):
        if isinstance(image, GridRTError):
            outcomes[index] = image
            continue
        try:
            check_images([image])
        except GridRTError as error:
            outcomes[index] = error
            continue
        prepared = detector.prepare(image)
        groups[prepared.canvas].append((index, prepared))
    for group in groups.values():
        for start in range(0, len(group), most):
            batch = group[start : start + most]
            found = _run(detector, [prepared for _, prepared in batch])
            outcomes.update({index: each for (index, _), each in zip(batch, found, strict=True)})
    return [outcomes[index] for index in range(len(images))]


def _run(detector: Detector, images: Sequence[Prepared]) -> list[Outcome]:
    try:
        return list(detector.run(images))
    except GridRTError as error:
        if len(images) == 1:
            return [error]
        return [outcome for image in images for outcome in _run(detector, [image])]
