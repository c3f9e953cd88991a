from __future__ import annotations

import pytest

from gridrt.report.bench_report.figures import change, milliseconds, ratio, size, size_in_words, speed_in_words


@pytest.mark.parametrize(
    ("figure", "told"),
    [(0.003, "+0.3"), (-0.0126, "−1.3"), (0.0004, "±0.0"), (-0.0004, "±0.0"), (0.0, "±0.0"), (None, "-")],  # noqa: RUF001 - a minus sign
)
def test_a_change_has_its_sign_where_it_is_one(figure: float | None, told: str) -> None:
    assert change(figure) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1.2344, "1234"),
        (0.12345, "123"),
        (0.09996, "100"),
        (0.0994, "99.4"),
        (0.0831, "83.1"),
        (0.00831, "8.31"),
        (0.0001, "0.10"),
    ],
)
def test_milliseconds_have_three_digits(seconds: float, told: str) -> None:
    assert milliseconds(seconds) == told


@pytest.mark.parametrize(
    ("count", "told"), [(None, "-"), (0, "0 B"), (999, "999 B"), (46_200_000, "46.2 MB"), (1_500_000_000, "1.50 GB")]
)
def test_a_size_has_the_unit_that_suits(count: int | None, told: str) -> None:
    assert size(count) == told


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0.257, "a quarter of the size"),
        (0.34, "a third of the size"),
        (0.5, "half the size"),
        (1.004, "the same size"),
        (0.9, "0.90 times the size"),
        (0.62, "0.62 times the size"),
        (1.3, "1.3 times the size"),
    ],
)
def test_a_size_is_said_as_one_says_it(share: float, told: str) -> None:
    assert size_in_words(share) == told


@pytest.mark.parametrize(
    ("speedup", "told"), [(2.44, "2.4 times as fast"), (1.01, "as fast"), (0.8, "0.80 times as fast")]
)
def test_a_speedup_is_said_as_one_says_it(speedup: float, told: str) -> None:
    assert speed_in_words(speedup) == told


def test_a_ratio_below_one_keeps_two_digits() -> None:
    assert [ratio(value) for value in (12.34, 1.0, 0.876, None)] == ["12.3", "1.0", "0.88", "-"]
