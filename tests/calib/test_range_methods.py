from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from gridrt.calib.affine import Range
from gridrt.calib.observers import BINS, Observer
from gridrt.calib.range_methods import METHODS, PERCENTILE, STEPS, entropy, mse, percentile, ranges_of
from gridrt.cli import precision_options


def normal(generator: np.random.Generator) -> np.ndarray:
    return generator.normal(size=20_000)


def behind_relu(generator: np.random.Generator) -> np.ndarray:
    return generator.normal(size=20_000).clip(min=0)


def with_outliers(generator: np.random.Generator) -> np.ndarray:
    return np.concatenate((generator.normal(size=20_000), [60.0, -45.0]))


def long_tailed(generator: np.random.Generator) -> np.ndarray:
    return generator.laplace(size=20_000) ** 3


DISTRIBUTIONS = (normal, behind_relu, with_outliers, long_tailed)
distributions = pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda each: each.__name__)
Distribution = Callable[[np.random.Generator], np.ndarray]


def drawn(distribution: Distribution) -> np.ndarray:
    return distribution(np.random.default_rng(0)).astype(np.float32)


def observer_of(values: np.ndarray) -> Observer:
    """In two parts, of which the second is wider: the histogram has grown."""
    observer = Observer("x")
    observer.see(values[np.abs(values) < 1])
    observer.see(values[np.abs(values) >= 1])
    return observer


@distributions
def test_minmax_clips_nothing(distribution: Distribution) -> None:
    values = drawn(distribution)

    assert METHODS["minmax"](observer_of(values)) == np.abs(values).max()


@distributions
def test_percentile_is_numpys_within_a_bin(distribution: Distribution) -> None:
    values = drawn(distribution)
    observer = observer_of(values)

    expected = np.percentile(np.abs(values), PERCENTILE, method="inverted_cdf")

    assert percentile(observer) == pytest.approx(expected, abs=observer.limit / BINS)


def squared_error(values: np.ndarray, threshold: float) -> float:
    """Of the values themselves, through torch's integers."""
    scale = threshold / 127
    back = torch.fake_quantize_per_tensor_affine(torch.from_numpy(values), scale, 0, -127, 127).double()
    return float(((back - torch.from_numpy(values).double()) ** 2).mean())


@distributions
def test_no_threshold_of_a_search_has_a_smaller_squared_error(distribution: Distribution) -> None:
    """The search quantises every value; the method knows the bins alone, which are a 16th of a step or narrower."""
    values = drawn(distribution)
    amax = float(np.abs(values).max())

    least = min(squared_error(values, amax * step / STEPS) for step in range(1, STEPS + 1))

    assert squared_error(values, mse(observer_of(values))) <= least * 1.02


def naive_divergence(counts: list[float], used: int) -> float:
    """Kullback-Leibler divergence of the first `used` bins from the same in 128 levels, bin by bin."""
    clipped = counts[:used]
    clipped[-1] += sum(counts[used:])
    members: dict[int, list[int]] = {}
    for index in range(used):
        members.setdefault(index * 128 // used, []).append(index)
    merged = [0.0] * used
    for bins in members.values():
        filled = [index for index in bins if clipped[index] > 0]
        for index in filled:
            merged[index] = sum(counts[each] for each in bins) / len(filled) + sum(counts[:used]) * 1e-4 / used
    divergence = 0.0
    for index in range(used):
        if clipped[index] > 0:
            p, q = clipped[index] / sum(clipped), merged[index] / sum(merged)
            divergence += p * math.log(p / q)
    return divergence


@distributions
def test_entropy_takes_the_threshold_of_the_least_divergence(distribution: Distribution) -> None:
    observer = observer_of(drawn(distribution))
    counts = observer.counts.astype(float).tolist()
    counts[0] = counts[1]  # zeros are exact at any scale
    used = max(index for index, count in enumerate(counts) if count) + 1
    tried = np.linspace(128, used, STEPS).astype(int).tolist()

    best = min(tried, key=lambda candidate: naive_divergence(counts, candidate))

    assert entropy(observer) == pytest.approx(min(best * observer.limit / BINS, observer.amax))


@pytest.mark.parametrize("method", ["mse", "entropy", "percentile"])
def test_a_few_outliers_are_clipped(method: str) -> None:
    values = np.append(np.random.default_rng(0).normal(size=400_000), 30).astype(np.float32)

    assert METHODS[method](observer_of(values)) < 15


def test_entropy_clips_a_lone_outlier_also_where_values_are_few() -> None:
    """Between it and the others lie bins that nothing fills."""
    values = np.append(drawn(normal), np.float32(30))

    assert entropy(observer_of(values)) < 15


@pytest.mark.parametrize("method", METHODS)
@distributions
def test_no_threshold_exceeds_what_was_seen(distribution: Distribution, method: str) -> None:
    observer = observer_of(drawn(distribution))

    assert 0 < METHODS[method](observer) <= observer.amax


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("values", [[5.0], [0.0, 5.0], [0.0, 0.0, -5.0], [5.0] * 100, [1e-30, 1.0], [2e-38]])
def test_a_handful_of_values_has_a_range(method: str, values: list[float]) -> None:
    observer = observer_of(np.array(values, np.float32))

    threshold = METHODS[method](observer)

    assert 0 < threshold <= observer.amax
    assert threshold >= observer.amax / 2  # a bin is counted whole


@pytest.mark.parametrize("method", METHODS)
def test_what_is_zero_throughout_has_an_empty_range(method: str) -> None:
    dead, never_run = Observer("dead"), Observer("never run")
    dead.see(np.zeros(100, np.float32))

    found = ranges_of({"dead": dead, "never run": never_run}, METHODS[method])

    assert found == {"dead": Range(0.0, 0.0), "never run": Range(0.0, 0.0)}


def test_a_range_is_what_was_seen_clipped_on_both_sides() -> None:
    both, positive = Observer("both"), Observer("positive")
    both.see(np.array([-3.0, 0.5, 8.0], np.float32))
    positive.see(np.array([0.0, 8.0], np.float32))

    found = ranges_of({"both": both, "positive": positive}, lambda _: 2.0)
    wide = ranges_of({"both": both}, lambda _: 5.0)

    assert found == {"both": Range(-2.0, 2.0), "positive": Range(0.0, 2.0)}
    assert wide == {"both": Range(-3.0, 5.0)}


def test_the_command_line_offers_every_method() -> None:
    assert set(precision_options.METHODS) == set(METHODS)
