"""Eight-bit integers for real numbers: value = (integer - zero point) * scale.

Shapes: O output channels of a weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridrt.types import Float32Array

Int8Array = npt.NDArray[np.int8]

INT8_MOST = 127  # the range is symmetric, so -128 is not used
SCALE_OF_ZEROS = 1.0
"""Scale of a tensor or channel whose values are all 0 or nearly: any scale represents them, but it must not be 0."""
SMALLEST_HALF = np.finfo(np.float16).smallest_subnormal


@dataclass(frozen=True)
class Range:
    """The values that a tensor's integers must cover.

    Attributes:
        low: at most 0.
        high: at least 0.
    """

    low: float
    high: float

    @property
    def amax(self) -> float:
        """The largest magnitude."""
        return max(-self.low, self.high)


def symmetric_scale(amax: float) -> np.float32:
    """The scale of int8 with zero point 0; `amax` becomes 127. The scale is stored in FP16, where it must not be 0."""
    scale: np.float32 = np.float32(amax / INT8_MOST)
    return scale if scale >= SMALLEST_HALF else np.float32(SCALE_OF_ZEROS)


def asymmetric(covered: Range) -> tuple[np.float32, np.uint8]:
    """Scale and zero point of uint8; 0 is represented exactly."""
    width = covered.high - covered.low
    if width <= 0:
        return np.float32(SCALE_OF_ZEROS), np.uint8(0)
    return np.float32(width / 255), np.uint8(round(-covered.low / width * 255))


def quantized_weight(
    weight: Float32Array, axis: int, scale_type: type[np.float16 | np.float32], least: Float32Array | float = 0.0
) -> tuple[Int8Array, Float32Array]:
    """A weight as int8, each output channel with a scale of its own.

    Args:
        weight: float32.
        axis: of the output channels.
        scale_type: that the scales will be stored in; they are rounded to it first, so that the integers fit the scales
            that multiply them.
        least: [O], a lower bound for each scale.

    Returns:
        The integers, of the weight's shape, and the scales, float32 [O].
    """
    others = tuple(each for each in range(weight.ndim) if each != axis)
    scales = np.maximum(np.abs(weight).max(others) / INT8_MOST, least).astype(scale_type).astype(np.float32)  # [O]
    scales = np.where(scales > 0, scales, np.float32(SCALE_OF_ZEROS))
    per_channel = scales.reshape([-1 if each == axis else 1 for each in range(weight.ndim)])
    integers = np.rint(weight / per_channel).clip(-INT8_MOST, INT8_MOST)
    return integers.astype(np.int8), scales
