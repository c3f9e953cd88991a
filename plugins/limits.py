"""Limits of a kernel; the definition of the op, and its body in the ONNX file, may have none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limit:
    """A limit on an attribute, or on the shape of an input.

    Attributes:
        name: of the attribute or the input.
        rule: the rest of a sentence that begins with the name; the library in C++ says the same.
        takes: whether a value keeps the rule; an unknown dimension is negative.
    """

    name: str
    rule: str
    takes: Callable[[Any], bool]

    def __str__(self) -> str:
        return f"{self.name} {self.rule}"


def first_broken(limits: Iterable[Limit], values: Mapping[str, Any]) -> Limit | None:
    """The first limit that a node exceeds.

    Args:
        limits: of a kernel.
        values: attributes and shapes by name, as far as they are known; limits on the others are not checked.
    """
    return next((limit for limit in limits if limit.name in values and not limit.takes(values[limit.name])), None)
