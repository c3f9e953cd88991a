"""The comparison of a kernel with its baseline, on the CPU; launches and times are stand-ins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from torch import Tensor

from benchmarks import gpu_kernels
from benchmarks.gpu_case import Baseline
from benchmarks.gpu_kernels import cases_of, measure
from benchmarks.gpu_peaks import Peaks
from benchmarks.gpu_report import Report, read_report
from benchmarks.gpu_timing import LAUNCHES
from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL
from gridrt.plugins.kernel import Kernel, Variant
from gridrt.plugins.kernels import ALL_KERNELS


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Launches that do nothing, and times that are made up: 2 ms for a kernel, 6 and 30 for its baselines."""

    def prepared(_kernel: Kernel, variant: Variant, *_others: object) -> tuple[Callable[[], None], tuple[Tensor, ...]]:
        if variant.name == "float16":
            raise RuntimeError("out of tune")
        return lambda: None, ()

    def timed(calls: dict[str, Callable[[], object]], **_: object) -> dict[str, list[float]]:
        milliseconds = float(str(next(iter(calls.values()))()))
        return {name: [milliseconds / 2, milliseconds, 9 * milliseconds] for name in calls}

    monkeypatch.setattr(gpu_kernels, "prepared", prepared)
    monkeypatch.setattr(gpu_kernels, "on_gpu", lambda _kernel, _variant, inputs: inputs)
    monkeypatch.setattr(gpu_kernels, "cache_flush", lambda: lambda: None)
    monkeypatch.setattr(gpu_kernels, "measured_peaks", lambda: Peaks(1e12, {"float32": 1e12, "float16": 4e12}))
    # A graph of the kernel takes 2 ms a launch; one of a baseline 6.
    monkeypatch.setattr(gpu_kernels, "replayed", lambda calls: lambda: LAUNCHES * (6 if len(calls) == 1 else 2))
    monkeypatch.setattr(gpu_kernels, "interleaved_milliseconds", timed)
    baselines = (Baseline("replayed", lambda: 0, is_captured=True), Baseline("launched", lambda: 30, is_captured=False))
    cases = gpu_kernels.cases_of
    monkeypatch.setattr(
        gpu_kernels, "cases_of", lambda kernel: (replace(case, baselines=lambda _: baselines) for case in cases(kernel))
    )


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("kernel", ALL_KERNELS, ids=lambda kernel: kernel.contract.name)
def test_each_case_is_a_row_with_its_share_of_the_bound_and_one_for_each_baseline(
    kernel: Kernel, tmp_path: Path
) -> None:
    measure(kernel.contract.name, Report(tmp_path / "gpu_kernel.json", {}))

    peaks, *rows = read_report(tmp_path / "gpu_kernel.json")[0]
    assert peaks["bytes_per_second"] == 1e12
    own = [row for row in rows if row["what"].startswith(kernel.contract.name)]
    assert len(own) == len(list(cases_of(kernel)))
    for row in own:
        if row["what"].split()[1] == "float16":
            assert row["problem"] == "RuntimeError: out of tune"
            continue
        assert row["median_ms"] == 2
        if kernel is BATCHED_NMS_KERNEL:
            assert "share_of_bound" not in row
            continue
        bounds = {"memory": row["bytes"] / 1e12, "arithmetic": row["flops"].get("float32", 0) / 1e12}
        bounds["arithmetic"] += row["flops"].get("float16", 0) / 4e12
        assert row["share_of_bound"] == pytest.approx(max(bounds.values()) / 0.002)
        assert bounds[row["bound_by"]] == max(bounds.values())
    beside = {(row["what"].strip(), row.get("times_faster")) for row in rows if row not in own and "result" in row}
    assert beside == {("beside replayed", 3), ("beside launched", 15)}
    too_slow = [row for row in rows if row not in own and "problem" in row]
    assert bool(too_slow) == (kernel is not BATCHED_NMS_KERNEL)  # which is told, and not judged
    assert all("3.0 x as fast, at least 5 x" in row["problem"] for row in too_slow)


def test_the_shapes_are_those_that_the_kernels_state_as_examples() -> None:
    for kernel in ALL_KERNELS:
        stated = [
            ({name: tuple(shape) for name, shape in example.shapes.items()}, dict(example.attributes))
            for example in kernel.examples
        ]
        for case in cases_of(kernel):
            shapes = zip(kernel.contract.inputs, (tuple(tensor.shape) for tensor in case.inputs), strict=True)
            assert (dict(shapes), dict(case.attributes)) in stated
