"""Half precision as the kernels' headers have it, against numpy's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.plugins.buffer import Buffer
from tests.plugins.host_kernel import Compiler

SOURCE = Path(__file__).parent / "conversions.cu"
ALL_HALVES = np.arange(2**16, dtype=np.uint16).view(np.float16)

Array = npt.NDArray[np.floating]


def run(symbol: str, values: Array, dtype: type[np.floating], compile_for_host: Compiler) -> Array:
    out = Buffer(np.zeros(values.size * np.dtype(dtype).itemsize, np.uint8))
    library = compile_for_host(SOURCE, symbol, ())
    library.launch((1, 1, 1), 32, 0, [Buffer(values.view(np.uint8)), values.size, out])
    return out.content.view(dtype)


def test_every_half_widens_to_its_value(compile_for_host: Compiler) -> None:
    widened = run("widen", ALL_HALVES, np.float32, compile_for_host)
    np.testing.assert_array_equal(widened, ALL_HALVES.astype(np.float32))
    np.testing.assert_array_equal(np.signbit(widened), np.signbit(ALL_HALVES))


def test_floats_narrow_to_the_nearest_half_and_ties_to_the_even_one(compile_for_host: Compiler) -> None:
    finite = ALL_HALVES[np.isfinite(ALL_HALVES)].astype(np.float32)
    ties = (np.sort(finite)[1:] + np.sort(finite)[:-1]) / 2
    random = np.random.default_rng(0).integers(0, 2**32, 10**5, dtype=np.uint32).view(np.float32)
    edge = np.array([65519.996, 65520, 1e38, np.inf, -np.inf, np.nan, 2.0**-25, 2.0**-26, -0.0], np.float32)
    values = np.concatenate([finite, ties, np.nextafter(ties, np.float32(np.inf)), random, edge]).astype(np.float32)
    with np.errstate(over="ignore"):
        expected = values.astype(np.float16)
    narrowed = run("narrow", values, np.float16, compile_for_host)
    np.testing.assert_array_equal(narrowed, expected)
    np.testing.assert_array_equal(np.signbit(narrowed), np.signbit(expected))


@pytest.mark.parametrize(("symbol", "dtype"), [("double_floats", np.float32), ("double_halves", np.float16)])
def test_packs_keep_the_order_of_their_values(
    symbol: str, dtype: type[np.floating], compile_for_host: Compiler
) -> None:
    values = np.arange(64, dtype=dtype)
    np.testing.assert_array_equal(run(symbol, values, dtype, compile_for_host), 2 * values)
