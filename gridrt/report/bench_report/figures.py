"""Figures as the report shows them. The unrounded ones are in the JSON that the report contains."""

from __future__ import annotations

from collections.abc import Sequence

from gridrt.report.metrics import points

UNKNOWN = points(None)
PLUS_MINUS, MINUS = "±", "\N{MINUS SIGN}"
BYTE_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
SAME_WITHIN = 0.02
"""Ratios that are no further than this from 1 are called the same."""


def change(figure: float | None) -> str:
    """A difference in points of 100, with its sign, to a tenth."""
    if figure is None:
        return UNKNOWN
    size = f"{abs(100 * figure):.1f}"
    sign = PLUS_MINUS if float(size) == 0 else "+" if figure > 0 else MINUS
    return sign + size


def is_loss(figure: float | None) -> bool:
    """Whether a difference is negative, as it is shown."""
    return change(figure).startswith(MINUS)


def three_digits(number: float) -> str:
    """123, 12.3, 1.23 or 0.12: three digits, but at most two decimals."""
    decimals = 0 if number >= 99.95 else 1 if number >= 9.995 else 2
    return f"{number:.{decimals}f}"


def milliseconds(seconds: float | None) -> str:
    """Without the unit, in three digits."""
    return UNKNOWN if seconds is None else three_digits(1000 * seconds)


def rate(per_second: float | None) -> str:
    """Images per second, in three digits."""
    return UNKNOWN if per_second is None else three_digits(per_second)


def ratio(value: float | None) -> str:
    """A ratio, to a tenth from 1 up: 2.4; to a hundredth below: 0.87."""
    return UNKNOWN if value is None else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def size(count: int | None) -> str:
    """Bytes with a fitting decimal unit: 46.2 MB."""
    if count is None:
        return UNKNOWN
    for unit, name in BYTE_UNITS:
        if count >= unit:
            return f"{three_digits(count / unit)} {name}"
    return f"{count} B"


def size_in_words(share: float) -> str:
    """A size as a share of another: "a quarter of the size"."""
    common = {1 / 4: "a quarter of the size", 1 / 3: "a third of the size", 1 / 2: "half the size", 1: "the same size"}
    for value, words in common.items():
        if abs(share / value - 1) <= (SAME_WITHIN if value == 1 else 0.06):
            return words
    return f"{ratio(share)} times the size"


def speed_in_words(speedup: float) -> str:
    """A speedup as one says it: "2.4 times as fast"."""
    return "as fast" if abs(speedup - 1) <= SAME_WITHIN else f"{ratio(speedup)} times as fast"


def condition_in_words(value: object) -> str:
    """A condition of the bench, other than a mapping."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return UNKNOWN if value is None else str(value)
