"""Whole numbers that follow from the shapes of an op's inputs: output dimensions, launch geometry.

They are expressions, which are evaluated once the shapes are known: as numbers for a launch, or as the symbols that
TensorRT works with while it builds an engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

Number = TypeVar("Number")


class Operation(Enum):
    """Operations on sizes; the names are those of TensorRT's `DimensionOperation`."""

    SUM = "+"
    SUB = "-"
    PROD = "*"
    FLOOR_DIV = "//"
    MAX = "max"
    MIN = "min"


class Numbers(Protocol[Number]):
    """A kind of numbers that sizes can be evaluated in."""

    def dim(self, tensor: str, axis: int) -> Number:
        """The dimension of an input along an axis."""

    def constant(self, number: int) -> Number:
        """A plain number in this kind."""

    def combine(self, operation: Operation, left: Number, right: Number) -> Number:
        """An operation on two numbers of this kind."""


class Size(ABC):
    """An expression of dimensions and plain numbers, built with + - * // and `largest`."""

    @abstractmethod
    def within(self, numbers: Numbers[Number]) -> Number:
        """Evaluate it in some kind of numbers."""

    def value(self, shapes: Mapping[str, Sequence[int]]) -> int:
        """The number for these shapes of the inputs, by name."""
        return self.within(_PlainNumbers(shapes))

    def __add__(self, other: int | Size) -> Size:
        return Combined(Operation.SUM, self, as_size(other))

    def __sub__(self, other: int | Size) -> Size:
        return Combined(Operation.SUB, self, as_size(other))

    def __mul__(self, other: int | Size) -> Size:
        return Combined(Operation.PROD, self, as_size(other))

    def __floordiv__(self, other: int | Size) -> Size:
        return Combined(Operation.FLOOR_DIV, self, as_size(other))

    def __radd__(self, other: int) -> Size:
        return as_size(other) + self

    def __rmul__(self, other: int) -> Size:
        return as_size(other) * self


@dataclass(frozen=True)
class Dim(Size):
    """The dimension of an input along an axis."""

    tensor: str
    axis: int

    def within(self, numbers: Numbers[Number]) -> Number:
        """As `Size.within`."""
        return numbers.dim(self.tensor, self.axis)


@dataclass(frozen=True)
class Constant(Size):
    """A plain number."""

    number: int

    def within(self, numbers: Numbers[Number]) -> Number:
        """As `Size.within`."""
        return numbers.constant(self.number)


@dataclass(frozen=True)
class Combined(Size):
    """An operation on two sizes."""

    operation: Operation
    left: Size
    right: Size

    def within(self, numbers: Numbers[Number]) -> Number:
        """As `Size.within`."""
        return numbers.combine(self.operation, self.left.within(numbers), self.right.within(numbers))


def as_size(number: int | Size) -> Size:
    """A plain number as a size; a size is returned unchanged."""
    return number if isinstance(number, Size) else Constant(number)


def largest(first: Size, *others: int | Size) -> Size:
    """The largest of some sizes."""
    for other in others:
        first = Combined(Operation.MAX, first, as_size(other))
    return first


def ceil_div(count: Size, size: int) -> Size:
    """`count / size`, rounded up."""
    return (count + (size - 1)) // size


_PLAIN: Mapping[Operation, Callable[[int, int], int]] = {
    Operation.SUM: int.__add__,
    Operation.SUB: int.__sub__,
    Operation.PROD: int.__mul__,
    Operation.FLOOR_DIV: int.__floordiv__,
    Operation.MAX: max,
    Operation.MIN: min,
}


@dataclass(frozen=True)
class _PlainNumbers:
    """Python's integers, for known shapes."""

    shapes: Mapping[str, Sequence[int]]

    def dim(self, tensor: str, axis: int) -> int:
        return self.shapes[tensor][axis]

    def constant(self, number: int) -> int:
        return number

    def combine(self, operation: Operation, left: int, right: int) -> int:
        return _PLAIN[operation](left, right)
