"""The comparison of a kernel with its baseline, on the CPU; launches and times are stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks import gpu_kernels
from benchmarks.gpu_kernels import cases_of, measure
from benchmarks.gpu_peaks import Peaks
from benchmarks.gpu_report import Report, read_report
from gridrt.plugins.kernel import Kernel, Variant
from gridrt.plugins.kernels import KERNELS


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs of a few numbers, launches that do nothing, and times of 2 ms for a kernel and 10 for its baseline."""

    def prepared(_kernel: Kernel, variant: Variant, *_others: object) -> tuple[Callable[[], None], tuple[Tensor, ...]]:
        if variant.name == "float16":
            raise RuntimeError("out of tune")
        return lambda: None, ()

    monkeypatch.setattr(gpu_kernels, "prepared", prepared)
    monkeypatch.setattr(torch.Tensor, "cuda", lambda self: self)
    monkeypatch.setattr(gpu_kernels, "cache_flush", lambda: None)
    monkeypatch.setattr(gpu_kernels, "measured_peaks", lambda: Peaks(1e12, {"float32": 1e12, "float16": 4e12}))
    monkeypatch.setattr(
        gpu_kernels,
        "interleaved_milliseconds",
        lambda calls, **_: dict(zip(calls, ([1.0, 2.0, 9.0], [10.0]), strict=True)),
    )


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.contract.name)
def test_each_variant_and_shape_is_a_row_with_its_share_of_the_bound(kernel: Kernel, tmp_path: Path) -> None:
    measure(kernel.contract.name, Report(tmp_path / "gpu_kernel.json", {}))

    peaks, *rows = read_report(tmp_path / "gpu_kernel.json")[0]
    assert peaks["bytes_per_second"] == 1e12
    assert len(rows) == len(kernel.variants) * len(kernel.examples)
    for row in rows:
        if row["what"].split()[1] == "float16":
            assert row["problem"] == "RuntimeError: out of tune"
            continue
        bounds = {"memory": row["bytes"] / 1e12, "arithmetic": row["flops"].get("float32", 0) / 1e12}
        bounds["arithmetic"] += row["flops"].get("float16", 0) / 4e12
        assert row["share_of_bound"] == pytest.approx(max(bounds.values()) / 0.002)
        assert bounds[row["bound_by"]] == max(bounds.values())
        assert (row["median_ms"], row["times_faster"]) == (2, 5)


def test_the_shapes_are_those_that_the_kernels_state_as_examples() -> None:
    for kernel in KERNELS:
        stated = [
            ({name: tuple(shape) for name, shape in example.shapes.items()}, dict(example.attributes))
            for example in kernel.examples
        ]
        for case in cases_of(kernel):
            shapes = zip(kernel.contract.inputs, (tuple(tensor.shape) for tensor in case.inputs), strict=True)
            assert (dict(shapes), dict(case.attributes)) in stated
