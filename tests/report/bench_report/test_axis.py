from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridrt.report.bench_report.axis import linear_axis, log_axis

values = st.floats(1e-3, 1e5)


@given(one=values, other=values)
def test_a_linear_axis_holds_its_values_between_two_of_a_few_ticks(one: float, other: float) -> None:
    low, high = sorted((one, other))

    axis = linear_axis(low, high, 10, 110, least=1.0)

    assert axis.low <= low + 1e-6 * high
    assert axis.high >= high * (1 - 1e-6)
    assert 2 <= len(axis.ticks) <= 8
    assert (axis.at(axis.ticks[0]), axis.at(axis.ticks[-1])) == (10, 110)


def test_a_linear_axis_goes_by_round_steps() -> None:
    assert list(linear_axis(0, 83, 0, 1).ticks) == [0, 20, 40, 60, 80, 100]


def test_values_that_hardly_differ_do_not_fill_the_axis() -> None:
    axis = linear_axis(72.4, 72.5, 0, 100, least=2.0)

    assert axis.at(72.5) - axis.at(72.4) < 6


@given(one=values, other=values)
def test_equal_ratios_are_equal_distances_on_a_log_axis(one: float, other: float) -> None:
    axis = log_axis(min(one, other), max(one, other), 0, 100)

    assert axis.at(math.sqrt(axis.low * axis.high)) == pytest.approx(50)
    assert all(axis.low <= tick <= axis.high for tick in axis.ticks)
    assert len(axis.ticks) >= 1


def test_what_is_past_the_end_stands_at_the_end() -> None:
    assert linear_axis(0, 1, 0, 100).at(7) == 100
