"""Ranges of the options that a user gives, checked once where they enter the library."""

from __future__ import annotations

from gridrt.errors import GridRTError


def check_range(least: float, most: float | None = None, **options: float | None) -> None:
    """Refuse options that are out of range; None stands for one that is not given.

    Args:
        least: smallest value allowed.
        most: largest value allowed; None sets no limit.
        options: by the names that the public function has for them.

    Raises:
        GridRTError: there is one.
    """
    allowed = f"at least {least}" if most is None else f"from {least} to {most}"
    for name, value in options.items():
        if value is not None and not (least <= value and (most is None or value <= most)):
            raise GridRTError(f"must be {allowed}", place=f"`{name}`", value=value)
