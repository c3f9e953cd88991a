"""What a kernel takes: the definition of an op may take more, and its body in the ONNX file does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Limit:
    """The values of an attribute, or the shapes of an input, that a kernel takes.

    Attributes:
        name: of the attribute or the input.
        rule: what holds of it, as the rest of a sentence; the library in C++ says the same.
        takes: whether it holds; a dimension that is open is negative.
    """

    name: str
    rule: str
    takes: Callable[[Any], bool]

    def __str__(self) -> str:
        return f"{self.name} {self.rule}"


def first_broken(limits: Iterable[Limit], values: Mapping[str, Any]) -> Limit | None:
    """The first limit that is not kept.

    Args:
        limits: of a kernel.
        values: attributes and shapes by name, as far as they are known; those that are not are not looked at.
    """
    return next((limit for limit in limits if limit.name in values and not limit.takes(values[limit.name])), None)
