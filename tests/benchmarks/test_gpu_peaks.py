"""The roofline of a launch, and the peaks that it follows from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from benchmarks.gpu_cost import Cost
from benchmarks.gpu_peaks import Peaks, measured_peaks
from gridrt.runtime import peaks as runtime_peaks


def test_the_share_is_of_the_larger_bound() -> None:
    peaks = Peaks(bytes_per_second=100.0, flops={"float32": 10.0, "float16": 40.0})

    assert peaks.share(Cost(100, {"float32": 5}), seconds=4.0) == (0.25, "memory")
    assert peaks.share(Cost(100, {"float32": 5, "float16": 60}), seconds=4.0) == (0.5, "arithmetic")
    assert peaks.share(Cost(100, {}), seconds=2.0) == (0.5, "memory")


@pytest.fixture
def tf32() -> Iterator[None]:
    """PyTorch rounds factors, until a test is done with its settings."""
    settings: tuple[Any, ...] = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [each.allow_tf32 for each in settings]
    for each in settings:
        each.allow_tf32 = True
    yield
    for each, allowed in zip(settings, before, strict=True):
        each.allow_tf32 = allowed


@pytest.mark.usefixtures("tf32")
def test_the_peaks_are_those_of_the_bench_in_both_precisions_without_tf32(monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(device: torch.device, dtype: torch.dtype) -> runtime_peaks.Peaks:
        assert device == torch.device("cuda")
        assert not torch.backends.cuda.matmul.allow_tf32
        assert not torch.backends.cudnn.allow_tf32
        size = dtype.itemsize
        return runtime_peaks.Peaks(flops=100.0 / size, bytes=10.0 + size, dtype=str(dtype), element_size=size)

    monkeypatch.setattr(runtime_peaks, "measured_peaks", measured)

    assert measured_peaks() == Peaks(14.0, {"float32": 25.0, "float16": 50.0})
