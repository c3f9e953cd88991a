"""Statistics of an activation over many images, without keeping its values.

Shapes: N bins.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from gridrt.errors import GraphError
from gridrt.types import Float32Array

BINS = 2048
FLOAT_MOST = float(np.finfo(np.float32).max)
EXACT_FLOAT_COUNTS = 2**24
"""torch.histc counts in float32, which holds integers up to here."""

Counts = npt.NDArray[np.int64]


class Observer:
    """Extremes of an activation, and a histogram of its magnitudes that widens as it must.

    When a value exceeds the histogram, neighbouring bins are joined and the range doubles until it fits: the counts
    stay exact, and between N / 2 and N bins are in use.

    Args:
        name: of the activation, for errors.

    Attributes:
        low: the least value seen, at most 0.
        high: the greatest, at least 0.
        limit: upper end of the last bin, a power of two; 0 while all values were 0.
        counts: int64 [N], how many magnitudes are in each bin; zeros are in the first.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.low = self.high = self.limit = 0.0
        self.counts: Counts = np.zeros(BINS, np.int64)

    @property
    def amax(self) -> float:
        """The largest magnitude seen."""
        return max(-self.low, self.high)

    def check(self) -> None:
        """Require that the attributes, set from outside, are some that `see` can leave.

        Raises:
            ValueError: they are not.
        """
        widest = FLOAT_MOST if self.limit == FLOAT_MOST else 2 * self.amax
        if not (-math.inf < self.low <= 0 <= self.high < math.inf and self.amax <= self.limit <= widest):
            raise ValueError(f"{self.name} has values from {self.low} to {self.high} below {self.limit}")
        if self.counts.min() < 0 or (self.limit == 0 and self.counts[1:].any()):
            raise ValueError(f"{self.name} has impossible counts")

    def see(self, values: Float32Array) -> None:
        """Add the values of an activation, float32 of any shape.

        Raises:
            GraphError: a value is NaN or infinite.
        """
        if values.size == 0:
            return
        low, high = float(values.min()), float(values.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise GraphError("activations must be finite", place=self.name, value=f"{low} to {high}")
        self.low, self.high = min(self.low, low), max(self.high, high)
        if self.amax == 0:
            self.counts[0] += values.size
            return
        # The limit is the power of two above the largest magnitude: no order of images moves a value to another bin.
        limit = min(2.0 ** math.frexp(self.amax)[1], FLOAT_MOST)
        self.limit = self.limit or limit
        while self.limit < limit:
            self.limit = min(2 * self.limit, FLOAT_MOST)
            joined = self.counts.reshape(-1, 2).sum(1)
            self.counts = np.concatenate((joined, np.zeros_like(joined)))
        for part in torch.from_numpy(values).flatten().split(EXACT_FLOAT_COUNTS):
            self.counts += torch.histc(part.abs(), BINS, 0, self.limit).long().numpy()
