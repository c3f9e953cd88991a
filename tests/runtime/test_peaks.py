from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from gridrt.runtime import peaks as limits
from gridrt.runtime.peaks import CPU, TRIES, measured_int8_peaks, measured_peaks

SIDE, COPIED = 256, 1 << 20


class FakeClock:
    """Products take 4, 3, 2, 4, 3 ... seconds, and everything else, too."""

    def __init__(self) -> None:
        self.marks = 0

    def mark(self) -> int:
        self.marks += 1
        return self.marks

    def seconds(self, start: int, end: int) -> float:
        assert end == start + 1
        return 4.0 - (end // 2 - 1) % 3


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.MATRIX_SIDE, "cpu", SIDE)
    monkeypatch.setitem(limits.COPIED_BYTES, "cpu", COPIED)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    found = FakeClock()
    monkeypatch.setattr(limits, "clock_of", lambda _device: found)
    return found


def test_the_best_of_some_tries_and_of_both_products_counts(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    convolution = 2 * (256 * 100 * 168) * (256 * 9)
    monkeypatch.setattr("torch.nn.functional.conv2d", lambda features, _weight, padding: features.sum() * padding)

    found = measured_peaks(CPU)

    assert found.flops == pytest.approx(convolution / 2)  # the matrices are smaller here
    assert found.bytes == pytest.approx(2 * COPIED / 2)
    assert (found.dtype, found.element_size) == ("float32", 4)
    assert clock.marks == 2 * 3 * TRIES


def test_half_precision_has_elements_of_two_bytes(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.nn.functional.conv2d", lambda features, _weight, padding: features * padding)

    found = measured_peaks(CPU, torch.bfloat16)

    assert (found.dtype, found.element_size) == ("bfloat16", 2)
    assert clock.marks


@pytest.mark.usefixtures("clock")
def test_integers_are_multiplied_by_onnx_runtime() -> None:
    found = measured_int8_peaks(threads=1)

    assert found.flops == pytest.approx(2 * SIDE**3 / 2)
    assert (found.dtype, found.element_size) == ("int8", 1)


def test_a_real_clock_tells_a_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_matrices(device: torch.device, dtype: torch.dtype) -> list[tuple[Callable[[], object], int]]:
        matrix = torch.randn(SIDE, SIDE, device=device, dtype=dtype)
        return [(lambda: matrix @ matrix, 2 * SIDE**3)]

    monkeypatch.setattr(limits, "_products", only_matrices)

    found = measured_peaks(CPU)

    assert np.isfinite([found.flops, found.bytes]).all()
    assert min(found.flops, found.bytes) > 1e6
