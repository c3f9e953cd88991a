"""The comparison of a kernel with its rival, with the definition in the place of the kernel, on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks import gpu_kernels
from benchmarks.gpu_inputs import candidates, fusion_inputs, pyramid_and_rois
from benchmarks.gpu_kernels import CASES, measure
from benchmarks.gpu_limits import Peaks
from benchmarks.gpu_report import Report, read_report
from benchmarks.gpu_rivals import convolution_pairs, nms_of_torch, roi_align_by_level
from gridrt.ops.grid_fusion import grid_fusion
from gridrt.ops.nms import batched_nms
from gridrt.ops.roi_align import multi_level_roi_align
from gridrt.plugins.kernel import Kernel, Variant
from gridrt.plugins.kernels import KERNELS


def test_the_convolution_pairs_compute_what_the_op_does() -> None:
    features, first, second = fusion_inputs(3, 16, 5)

    _, call = convolution_pairs(features, (first, second))

    torch.testing.assert_close(call(), grid_fusion(features, first, second))


def test_without_torchvision_for_the_gpu_the_definition_is_the_rival_and_says_so() -> None:
    maps, rois = pyramid_and_rois(4, 8, (64, 96))
    boxes = candidates(20, 2, 3)
    attributes: Mapping[str, Any] = {"iou_threshold": 0.5, "score_threshold": 0.1, "max_output": 5}

    pooling, pool = roi_align_by_level(maps, rois, (4, 8, 16, 32), 7)
    suppression, suppress = nms_of_torch(boxes, attributes)

    assert "no torchvision here" in pooling
    assert "no torchvision here" in suppression
    torch.testing.assert_close(pool(), multi_level_roi_align(maps, rois, (4, 8, 16, 32), 7))
    torch.testing.assert_close(suppress(), batched_nms(*boxes, **attributes))


@pytest.fixture
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs of a few numbers, launches that do nothing, and a clock of 2 ms for a kernel and 10 for its rival."""

    def prepared(kernel: Kernel, variant: Variant, *_others: object) -> tuple[Callable[[], None], tuple[Tensor, ...]]:
        if kernel.contract.name == "GridFusion" and variant.name == "float16":
            raise RuntimeError("out of tune")
        return lambda: None, ()

    monkeypatch.setattr(gpu_kernels, "prepared", prepared)
    monkeypatch.setattr(gpu_kernels, "_on_gpu", lambda tensors, _variant: list(tensors))
    monkeypatch.setattr(torch.Tensor, "cuda", lambda self: self)
    monkeypatch.setattr(gpu_kernels, "cache_flush", lambda: None)
    monkeypatch.setattr(gpu_kernels, "measured_peaks", lambda: Peaks(1e12, {"float32": 1e12, "float16": 4e12}))
    monkeypatch.setattr(
        gpu_kernels,
        "milliseconds_in_turns",
        lambda calls, **_: dict(zip(calls, ([1.0, 2.0, 9.0], [10.0]), strict=True)),
    )


@pytest.mark.usefixtures("on_cpu")
@pytest.mark.parametrize("op", CASES)
def test_each_variant_and_shape_is_a_row_with_its_share_of_the_limit(op: str, tmp_path: Path) -> None:
    (kernel,) = (kernel for kernel in KERNELS if kernel.contract.name == op)

    measure(op, Report(tmp_path / "gpu_kernel.json", {}))

    limits, *rows = read_report(tmp_path / "gpu_kernel.json")[0]
    assert limits["bytes_per_second"] == 1e12
    assert len(rows) == len(kernel.variants) * len(kernel.examples)
    for row in rows:
        if op == "GridFusion" and row["what"].split()[1] == "float16":
            assert row["problem"] == "RuntimeError: out of tune"
            continue
        least = {"memory": row["bytes"] / 1e12, "arithmetic": row["flops"].get("float32", 0) / 1e12}
        least["arithmetic"] += row["flops"].get("float16", 0) / 4e12
        assert row["share_of_limit"] == pytest.approx(max(least.values()) / 0.002)
        assert least[row["limit"]] == max(least.values())
        assert (row["median_ms"], row["times_faster"]) == (2, 5)


def test_the_shapes_are_those_that_the_kernels_state_as_examples() -> None:
    for kernel in KERNELS:
        stated = [
            ({name: tuple(shape) for name, shape in example.shapes.items()}, dict(example.attributes))
            for example in kernel.examples
        ]
        for case in CASES[kernel.contract.name]():
            shapes = zip(kernel.contract.inputs, (tuple(tensor.shape) for tensor in case.inputs), strict=True)
            assert (dict(shapes), dict(case.attributes)) in stated
