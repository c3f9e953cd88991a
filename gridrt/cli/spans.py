"""Options that take one value or a range of values."""

from __future__ import annotations

import re
from typing import Any

import click


class Span(click.ParamType):  # type: ignore[type-arg]  # generic in later versions
    """`VALUE` or `LEAST..MOST`, where a value is one number or several; always two values in Python.

    Args:
        name: how a value is written, for messages.
        pattern: regular expression of a value, with a group for each number.
    """

    def __init__(self, name: str, pattern: str) -> None:
        self.name = name
        self._pattern = re.compile(pattern)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:  # noqa: ANN401 - click's signature
        """`1..8` -> (1, 8), `800x1344` -> ((800, 1344), (800, 1344))."""
        least, _, most = str(value).partition("..")
        found = [self._pattern.fullmatch(text) for text in (least, most or least)]
        if None in found:
            self.fail(f"{value!r} is neither {self.name} nor {self.name}..{self.name}.", param, ctx)
        values = [tuple(map(int, match.groups())) for match in found if match is not None]
        return tuple(numbers if len(numbers) > 1 else numbers[0] for numbers in values)
