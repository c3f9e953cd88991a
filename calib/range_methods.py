"""Range methods: where to clip a range, so that the values within it are resolved better.

Each method takes an observer and returns the threshold, the magnitude that becomes the largest integer.

Shapes: N bins, T thresholds tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from gridrt.calib.affine import INT8_MOST, Range
from gridrt.calib.observers import Observer

Float64Array = npt.NDArray[np.float64]
Method: TypeAlias = Callable[[Observer], float]

PERCENTILE = 99.99
STEPS = 128
"""Number of candidate thresholds, evenly spaced over the range."""
UNSEEN = 1e-4
"""Share of the values that `entropy` spreads over all bins: a bin that only clipping fills is then not impossible."""
LEVELS = INT8_MOST + 1  # distinct magnitudes of int8


def min_max(observer: Observer) -> float:
    """The largest magnitude: nothing is clipped."""
    return observer.amax


def percentile(observer: Observer) -> float:
    """The magnitude that `PERCENTILE` percent of the values do not exceed."""
    reached = np.cumsum(observer.counts) >= observer.counts.sum() * (PERCENTILE / 100)
    return min(float(_upper_edges(observer)[int(reached.argmax())]), observer.amax)


def mse(observer: Observer) -> float:
    """The threshold with the least mean squared error, from rounding and clipping together."""
    centers = _upper_edges(observer) - observer.limit / (2 * len(observer.counts))  # [N]
    thresholds = np.arange(1, STEPS + 1, dtype=np.float64) * (observer.amax / STEPS)  # [T]
    scales = thresholds[:, None] / INT8_MOST  # [T, 1]
    represented = np.rint(centers / scales).clip(max=INT8_MOST) * scales  # [T, N]
    errors = (observer.counts * (represented - centers) ** 2).sum(1)  # [T]
    return float(thresholds[errors.argmin()])


def entropy(observer: Observer) -> float:
    """The threshold whose int8 histogram is nearest to the observed one, by Kullback-Leibler divergence.

    The method of TensorRT's former entropy calibrator: values above a threshold count as equal to it, the others are
    merged into as many levels as int8 has. Zeros are left out, as they are exact at any scale.
    """
    counts = observer.counts.astype(np.float64)
    counts[0] = counts[1]
    used = int(np.flatnonzero(observer.counts)[-1]) + 1
    candidates = np.linspace(min(LEVELS, used), used, STEPS).astype(int)
    divergences = [_divergence(counts, int(candidate)) for candidate in candidates]
    best = int(candidates[int(np.argmin(divergences))])
    return min(float(_upper_edges(observer)[best - 1]), observer.amax)


METHODS: Mapping[str, Method] = {"entropy": entropy, "minmax": min_max, "mse": mse, "percentile": percentile}


def ranges_of(observers: Mapping[str, Observer], method: Method) -> dict[str, Range]:
    """The range of each activation: the observed one, clipped at the method's threshold."""
    thresholds = {name: method(observer) if observer.amax else 0.0 for name, observer in observers.items()}
    return {
        name: Range(max(observer.low, -thresholds[name]), min(observer.high, thresholds[name]))
        for name, observer in observers.items()
    }


def _upper_edges(observer: Observer) -> Float64Array:
    bins = len(observer.counts)
    return np.arange(1, bins + 1, dtype=np.float64) * (observer.limit / bins)


def _divergence(counts: Float64Array, used: int) -> float:
    """Divergence of the first `used` bins, the last one with all others added, from the same in `LEVELS` levels."""
    kept = counts[:used]
    if not kept.any():
        return float("inf")
    clipped = kept.copy()
    clipped[-1] += counts[used:].sum()
    is_filled = clipped > 0
    level = np.arange(used) * LEVELS // used  # of each bin
    filled = np.bincount(level, is_filled, LEVELS)
    share = np.bincount(level, kept, LEVELS) / np.maximum(filled, 1)
    merged = share[level[is_filled]] + kept.sum() * UNSEEN / used
    p, q = clipped[is_filled] / clipped.sum(), merged / merged.sum()
    return float((p * np.log(p / q)).sum())
