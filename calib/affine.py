"""Numbers as eight-bit integers: value = (integer - zero point) * scale.

Shapes: O output channels of a weight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gridrt.types import Float32Array

Int8Array = npt.NDArray[np.int8]

INT8_MOST = 127  # -128 is left out: the range is symmetric
SCALE_OF_NOTHING = 1.0
"""Of a tensor or channel that is zero throughout, or next to: any scale represents it, but none may be zero."""
LEAST_HALF = np.finfo(np.float16).smallest_subnormal


@dataclass(frozen=True)
class Range:
    """The values that a tensor's integers have to cover.

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
    """The scale of int8 with zero point 0; `amax` becomes 127. It is stored in FP16, which has to tell it from 0."""
    scale: np.float32 = np.float32(amax / INT8_MOST)
    return scale if scale >= LEAST_HALF else np.float32(SCALE_OF_NOTHING)


def asymmetric(covered: Range) -> tuple[np.float32, np.uint8]:
    """Scale and zero point of uint8; 0 is represented exactly."""
    width = covered.high - covered.low
    if width <= 0:
        return np.float32(SCALE_OF_NOTHING), np.uint8(0)
    return np.float32(width / 255), np.uint8(round(-covered.low / width * 255))


def quantized_weight(
    weight: Float32Array, axis: int, scale_type: type[np.float16 | np.float32], least: Float32Array | float = 0.0
) -> tuple[Int8Array, Float32Array]:
    """A weight as int8, each output channel with a scale of its own.

    Args:
        weight: float32.
        axis: of the output channels.
        scale_type: the precision that the scales will be stored in; they are rounded to it first, so that the integers
            fit the scales they will be multiplied by.
        least: [O], the least that each scale may be.

    Returns:
        The integers, of the weight's shape, and the scales, float32 [O].
    """
    others = tuple(each for each in range(weight.ndim) if each != axis)
    scales = _rounded(np.maximum(np.abs(weight).max(others) / INT8_MOST, least), scale_type)  # [O]
    per_channel = scales.reshape([-1 if each == axis else 1 for each in range(weight.ndim)])
    integers = np.rint(weight / per_channel).clip(-INT8_MOST, INT8_MOST)
    return integers.astype(np.int8), scales


def _rounded(scales: Float32Array, scale_type: type[np.float16 | np.float32]) -> Float32Array:
    """Scales as `scale_type` can hold them; a channel of zeros, or too small for it, gets `SCALE_OF_NOTHING`."""
    rounded = scales.astype(scale_type).astype(np.float32)
    return np.where(rounded > 0, rounded, np.float32(SCALE_OF_NOTHING))
