"""Sizes are worked out in plain numbers, or in any others."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gridrt.plugins.sizes import Dim, Operation, Size, as_size, ceil_div, largest

N, C = Dim("x", 0), Dim("x", 1)
SIZES = {
    "2 * N + 1": (2 * N + 1, 7),
    "1 + C - N": (1 + C - N, 8),
    "C // N": (C // N, 3),
    "C * N": (C * N, 30),
    "ceil_div(C, 4)": (ceil_div(C, 4), 3),
    "largest(N, 1, C)": (largest(N, 1, C), 10),
    "largest(N, 5)": (largest(N, 5), 5),
    "6": (as_size(6), 6),
}


@pytest.mark.parametrize("text", SIZES)
def test_a_size_has_the_value_of_its_expression(text: str) -> None:
    size, expected = SIZES[text]
    assert size.value({"x": (3, 10)}) == expected


@dataclass
class Words:
    """Numbers that are text, as TensorRT's are symbols."""

    def dim(self, tensor: str, axis: int) -> str:
        return f"{tensor}.{axis}"

    def constant(self, number: int) -> str:
        return str(number)

    def combine(self, operation: Operation, left: str, right: str) -> str:
        return f"({left} {operation.value} {right})"


def test_a_size_can_be_worked_out_in_other_numbers() -> None:
    size: Size = largest(2 * N, ceil_div(C, 64))
    assert size.within(Words()) == "((2 * x.0) max ((x.1 + 63) // 64))"
