"""Axes: from values to pixels, with round ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

STEPS = (1, 2, 5, 10)
TICKS = 5  # approximate number


@dataclass(frozen=True)
class Axis:
    """A range of values along a side of a chart.

    Attributes:
        low: the value at its start.
        high: the value at its end.
        start: pixels.
        end: pixels; less than `start` where values grow to the left or up.
        ticks: values.
        is_log: whether equal steps are equal ratios.
    """

    low: float
    high: float
    start: float
    end: float
    ticks: Sequence[float]
    is_log: bool = False

    def at(self, value: float) -> float:
        """Pixels of a value; values outside are clipped to the ends."""
        low, high, inside = self.low, self.high, min(max(value, self.low), self.high)
        share = math.log(inside / low) / math.log(high / low) if self.is_log else (inside - low) / (high - low)
        return self.start + share * (self.end - self.start)


def linear_axis(low: float, high: float, start: float, end: float, *, least: float = 0.0) -> Axis:
    """An axis from a tick at or below `low` to one at or above `high`.

    Args:
        low: least value.
        high: greatest value.
        start: pixels.
        end: pixels.
        least: minimum span, so that noise does not look like a finding.
    """
    missing = max(0.0, (least or 1e-9) - (high - low)) / 2
    ticks = _round_values(low - missing, high + missing)
    return Axis(ticks[0], ticks[-1], start, end, ticks)


def log_axis(low: float, high: float, start: float, end: float) -> Axis:
    """An axis of ratios from `low` to `high`, both positive."""
    low, high = low / 1.03, high * 1.03
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in STEPS[:3]]
    inside = [tick for tick in ticks if low <= tick <= high]
    if len(inside) < 3:  # less than a decade: equal steps are better
        inside = [tick for tick in _round_values(low, high) if low <= tick <= high]
    return Axis(low, high, start, end, inside, is_log=True)


def _round_values(low: float, high: float) -> list[float]:
    """Equally spaced round values from at most `low` to at least `high`."""
    rough = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in STEPS if factor * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) for index in range(first, max(last, first + 1) + 1)]
