from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridrt.calib.observers import BINS, Observer
from gridrt.errors import GraphError

PARTS = st.lists(
    st.tuples(st.integers(0, 2**31), st.integers(0, 200), st.sampled_from([0.0, 1e-6, 0.3, 1.0, 40.0, 1e5])),
    min_size=1,
    max_size=6,
)


def part_of(seed: int, count: int, size: float) -> np.ndarray:
    """Normal values, every fourth an exact zero, as behind a Relu."""
    values: np.ndarray = np.random.default_rng(seed).normal(size=count).astype(np.float32) * np.float32(size)
    values[::4] = 0
    return values


def assert_counts_are_of(observer: Observer, values: np.ndarray) -> None:
    """So many values lie below each edge; one that lies on an edge, to the last bits, may count on either side."""
    magnitudes = np.sort(np.abs(values.astype(np.float64)))
    edges = np.arange(1, BINS + 1) * (observer.limit / BINS)
    below = np.searchsorted(magnitudes, edges * (1 - 1e-6), "left")
    reaching = np.searchsorted(magnitudes, edges * (1 + 1e-6), "right")
    counted = np.cumsum(observer.counts)
    assert (below <= counted).all()
    assert (counted <= reaching).all()
    assert counted[-1] == len(values)


@given(PARTS)
def test_extremes_and_counts_are_those_of_all_values_however_they_are_split(
    parts: list[tuple[int, int, float]],
) -> None:
    arrays = [part_of(*part) for part in parts]
    together = np.concatenate(arrays)
    observer, other = Observer("x"), Observer("x")

    for values in arrays:
        observer.see(values)
    other.see(together)

    for each in (observer, other):
        assert (each.low, each.high) == (min(together.min(initial=0), 0), max(together.max(initial=0), 0))
        assert each.amax == np.abs(together).max(initial=0)
        if each.amax > 0:
            assert each.amax < each.limit <= 2 * each.amax
            assert_counts_are_of(each, together)
        else:
            assert each.limit == 0
            assert each.counts[0] == each.counts.sum() == len(together)


NUMBERS = st.sampled_from([0.0, 1e-3, 0.25, 0.3, -0.5, 0.75, 1.0, -1.0, 1.5, 2.0, 3.0, 8.0])


@given(st.lists(st.lists(NUMBERS, max_size=3), min_size=1, max_size=6))
def test_neither_order_nor_splitting_moves_a_count(parts: list[list[float]]) -> None:
    """Also of values on the edge of a bin, as powers of two are, and 1 is the most frequent of those."""
    together, one_by_one = Observer("x"), Observer("x")

    together.see(np.array([number for part in parts for number in part], np.float32))
    for part in parts:
        one_by_one.see(np.array(part, np.float32))

    assert together.limit == one_by_one.limit
    np.testing.assert_array_equal(together.counts, one_by_one.counts)


def test_an_activation_may_have_any_shape_and_grow() -> None:
    values = part_of(3, 10_000, 1.0)
    observer = Observer("x")

    for part in np.split(values[np.argsort(np.abs(values))], 10):
        observer.see(part.reshape(10, 4, 25))

    assert_counts_are_of(observer, values)


@pytest.mark.parametrize("value", [1e-45, 1e-38, 1e30, 3.4028235e38])
def test_the_smallest_and_the_largest_numbers_are_counted(value: float) -> None:
    observer = Observer("x")

    for _ in range(2):
        observer.see(np.array([value, 0], np.float32))

    assert observer.counts.sum() == 4
    assert observer.high == np.float32(value)
    assert observer.limit >= observer.high


def test_as_many_as_float32_cannot_count_are_counted() -> None:
    """torch.histc counts in float32, which adds 1 to 2**24 in vain."""
    observer = Observer("x")

    observer.see(np.ones(2**24 + 3, np.float32))

    assert observer.counts.max() == observer.counts.sum() == 2**24 + 3


def test_zeros_seen_first_stay_counted() -> None:
    observer = Observer("x")
    observer.see(np.zeros(5, np.float32))
    observer.see(np.array([-2.0], np.float32))

    assert (observer.counts[0], observer.counts.sum()) == (5, 6)
    assert (observer.low, observer.high, observer.amax) == (-2, 0, 2)


def test_an_activation_of_no_elements_changes_nothing() -> None:
    observer = Observer("x")
    observer.see(np.zeros((0, 3), np.float32))

    assert (observer.low, observer.high, observer.counts.sum()) == (0, 0, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused_with_the_name_of_the_activation(value: float) -> None:
    observer = Observer("relu_7")

    with pytest.raises(GraphError, match="finite") as caught:
        observer.see(np.array([1, value, 2], np.float32))
    assert caught.value.place == "relu_7"
