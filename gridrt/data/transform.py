"""Images to the batch that a session takes, and boxes back to pixels of the original image.

Shapes: B images, H and W the padded size of the batch, N detections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from gridrt.config import DEFAULT_SCALE, SIZE_DIVISOR
from gridrt.errors import GridRTError
from gridrt.limits import MOST_NOTED_SIDE
from gridrt.types import Float32Array, Int32Array, UInt8Array

MAX_SIDE = 16384
"""Most pixels on a side of a scale: far beyond what helps any detector, and within what OpenCV can resize to."""


@dataclass(frozen=True)
class Batch:
    """Resized images on one canvas.

    Attributes:
        images: uint8 [B, H, W, 3], RGB, zero-padded right and bottom; H and W multiples of 32.
        image_sizes: int32 [B, 2], (height, width) of each image before padding.
        scale_factors: float32 [B, 2], (horizontal, vertical): resized over original size.
    """

    images: UInt8Array
    image_sizes: Int32Array
    scale_factors: Float32Array


@dataclass(frozen=True, eq=False)
class Prepared:
    """An image as a detector runs it.

    Attributes:
        pixels: uint8 [h, w, 3], RGB.
        scale_factor: float32 [2], (horizontal, vertical): its size over that of the original image.
    """

    pixels: UInt8Array
    scale_factor: Float32Array

    @property
    def canvas(self) -> tuple[int, int]:
        """(height, width) of the smallest canvas that it fits on: multiples of 32."""
        height, width = (-(-side // SIZE_DIVISOR) * SIZE_DIVISOR for side in self.pixels.shape[:2])
        return height, width


class Transform:
    """Resize each image to fit `scale`, keeping its aspect, and pad the batch to one canvas.

    Args:
        scale: most pixels on the long and on the short side, in either order. Smaller images are enlarged.

    Raises:
        GridRTError: a side of `scale` is not positive, or more than `MAX_SIDE`.
    """

    def __init__(self, scale: tuple[int, int] = DEFAULT_SCALE) -> None:
        check_scale(scale)
        self.scale = scale

    def __call__(self, images: Sequence[UInt8Array]) -> Batch:
        """Make a batch of at least one image, each uint8 [h, w, 3]."""
        return batch_of([self.prepare(image) for image in images])

    def prepare(self, image: UInt8Array) -> Prepared:
        """One image, uint8 [h, w, 3], resized."""
        resized = self.resize(image)
        factors = np.array(resized.shape[1::-1]) / image.shape[1::-1]  # (horizontal, vertical)
        return Prepared(resized, factors.astype(np.float32))

    def resize(self, image: UInt8Array) -> UInt8Array:
        """One image, uint8 [h, w, 3], as large as `scale` allows."""
        height, width = image.shape[:2]
        new_height, new_width = rescaled_size(height, width, self.scale)
        resized = cv2.resize(np.ascontiguousarray(image), (new_width, new_height), interpolation=cv2.INTER_LINEAR)
        return np.asarray(resized, np.uint8)


def batch_of(images: Sequence[Prepared]) -> Batch:
    """The batch of at least one image, on the smallest canvas that all fit on."""
    sizes = np.array([image.pixels.shape[:2] for image in images], np.int32)  # [B, 2]
    return Batch(pad([image.pixels for image in images]), sizes, np.stack([image.scale_factor for image in images]))


def check_scale(scale: tuple[int, int]) -> None:
    """Refuse a scale that no image can be resized to.

    Raises:
        GridRTError: a side is not positive, or more than `MAX_SIDE`.
    """
    if min(scale) < 1:
        raise GridRTError("a scale must be two positive numbers of pixels", place="scale", value=scale)
    if max(scale) > MAX_SIDE:
        raise GridRTError(f"a side of a scale must be at most {MAX_SIDE} pixels", place="scale", value=scale)


def check_noted_scale(scale: tuple[int, int]) -> None:
    """Refuse a scale that a model file cannot note: `gridrt.config.scale_in` would refuse the file.

    Raises:
        GridRTError: as `check_scale`, or a side is more than `MOST_NOTED_SIDE`.
    """
    check_scale(scale)
    if max(scale) > MOST_NOTED_SIDE:
        raise GridRTError(
            f"a side of the scale that a model file notes must be at most {MOST_NOTED_SIDE} pixels",
            place="scale",
            value=scale,
        )


def rescaled_size(height: int, width: int, scale: tuple[int, int]) -> tuple[int, int]:
    """The largest (height, width) of this aspect within `scale`, rounded half up, at least 1 each."""
    factor = min(max(scale) / max(height, width), min(scale) / min(height, width))
    return max(int(height * factor + 0.5), 1), max(int(width * factor + 0.5), 1)


def restore_boxes(boxes: Float32Array, scale_factor: Float32Array) -> Float32Array:
    """Convert boxes [N, 4] from pixels of the resized image to pixels of the original.

    Args:
        boxes: float32 [N, 4], xyxy.
        scale_factor: float32 [2], a row of `Batch.scale_factors`.
    """
    return boxes / scale_factor[[0, 1, 0, 1]]


def pad(images: Sequence[UInt8Array]) -> UInt8Array:
    """Images on one canvas, zero right and below, uint8 [B, H, W, 3]; H and W are multiples of 32."""
    largest = [max(image.shape[axis] for image in images) for axis in (0, 1)]
    height, width = (-(-side // SIZE_DIVISOR) * SIZE_DIVISOR for side in largest)
    canvas = np.zeros((len(images), height, width, 3), np.uint8)
    for row, image in zip(canvas, images, strict=True):
        row[: image.shape[0], : image.shape[1]] = image
    return canvas
