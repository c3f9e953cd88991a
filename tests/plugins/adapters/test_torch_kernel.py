"""A kernel on PyTorch's tensors: whatever they lie like, the result is the definition's. The CPU runs the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmarks.ops.batched_nms.inputs import nms_inputs
from benchmarks.ops.grid_fusion.inputs import fusion_inputs
from benchmarks.ops.multi_level_roi_align.inputs import pyramid_and_rois
from gridrt.ops.grid_fusion import FusionWeights, grid_fusion
from gridrt.ops.nms import batched_nms
from gridrt.ops.roi_align import multi_level_roi_align
from gridrt.plugins.adapters import torch_kernel
from gridrt.plugins.adapters.torch_kernel import TorchKernel
from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL
from gridrt.plugins.contract import Attributes, Contract
from gridrt.plugins.grid_fusion.kernel import GRID_FUSION_KERNEL
from gridrt.plugins.kernel import Kernel, Shapes, Variant
from gridrt.plugins.multi_level_roi_align.kernel import MULTI_LEVEL_ROI_ALIGN_KERNEL, STRIDES
from tests.plugins.host_kernel import Compiler, HostLauncher

STREAM = 77
LAST, LINEAR = torch.channels_last, torch.contiguous_format

for_each_layout = pytest.mark.parametrize("layout", [LAST, LINEAR], ids=str)
for_each_precision = pytest.mark.parametrize("precision", [torch.float32, torch.float16], ids=str)


@pytest.fixture(autouse=True)
def _on_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_kernel, "current_stream", lambda: STREAM)


class Recorder:
    """Compiles nothing and launches nothing."""

    def __init__(self) -> None:
        self.loaded: list[tuple[Variant, Attributes]] = []
        self.launched: list[tuple[Shapes, Sequence[int], Sequence[int], int]] = []

    def __call__(self, _kernel: Kernel, variant: Variant, attributes: Attributes) -> Recorder:
        self.loaded.append((variant, attributes))
        return self

    def launch(self, *arguments: Any) -> None:  # noqa: ANN401 - as of a launcher
        self.launched.append(arguments)


def as_precise(tensors: Sequence[Tensor], precision: torch.dtype) -> list[Tensor]:
    return [tensor.to(precision) for tensor in tensors]


def assert_close(actual: Tensor, expected: Tensor, contract: Contract) -> None:
    tolerance = contract.tolerances["float16" if actual.dtype == torch.float16 else "float32"]
    torch.testing.assert_close(actual.float(), expected, atol=tolerance.absolute, rtol=tolerance.relative)


@for_each_precision
@for_each_layout
def test_roi_align_pools_what_the_definition_pools(
    layout: torch.memory_format, precision: torch.dtype, compile_for_host: Compiler
) -> None:
    maps, rois = pyramid_and_rois(9, 16, (96, 160), batch=2)
    maps = [each.contiguous(memory_format=layout) for each in as_precise(maps, precision)]
    run = TorchKernel(MULTI_LEVEL_ROI_ALIGN_KERNEL, partial(HostLauncher, compile_for_host=compile_for_host))

    pooled = run(*maps, rois, 7, list(STRIDES))

    assert isinstance(pooled, Tensor)
    assert (pooled.dtype, pooled.is_contiguous(memory_format=layout)) == (precision, True)
    expected = multi_level_roi_align([each.float() for each in maps], rois, STRIDES, 7)
    assert_close(pooled, expected, MULTI_LEVEL_ROI_ALIGN_KERNEL.contract)


@for_each_precision
@for_each_layout
def test_grid_fusion_fuses_as_the_definition_does(
    layout: torch.memory_format, precision: torch.dtype, compile_for_host: Compiler
) -> None:
    features, *orders = fusion_inputs(2, 16, 7)
    first, second = (FusionWeights(*as_precise(order, precision)) for order in orders)
    features = features.to(precision).contiguous(memory_format=layout)
    run = TorchKernel(GRID_FUSION_KERNEL, partial(HostLauncher, compile_for_host=compile_for_host))

    fused = run(features, *first, *second)

    assert isinstance(fused, Tensor)
    assert (fused.dtype, fused.is_contiguous(memory_format=layout)) == (precision, True)
    in_float = (FusionWeights(*as_precise(order, torch.float32)) for order in (first, second))
    assert_close(fused, grid_fusion(features.float(), *in_float), GRID_FUSION_KERNEL.contract)


def test_suppression_keeps_the_same_bits(compile_for_host: Compiler) -> None:
    boxes, scores, groups = nms_inputs(60, 3, 2, batch=2)
    strided = scores.transpose(1, 2).contiguous().transpose(1, 2)
    run = TorchKernel(BATCHED_NMS_KERNEL, partial(HostLauncher, compile_for_host=compile_for_host))

    kept = run(boxes, strided, groups, 0.5, 0.2, 20)

    expected = batched_nms(boxes, scores, groups, iou_threshold=0.5, score_threshold=0.2, max_output=20)
    for one, other in zip(kept, expected, strict=True):
        assert torch.equal(one, other)


def test_a_launch_that_is_prepared_follows_its_inputs_each_time(compile_for_host: Compiler) -> None:
    boxes, scores, groups = nms_inputs(20, 3, 2)
    later = scores.flip(1)
    attributes = {"iou_threshold": 0.5, "score_threshold": 0.2, "max_output": 9}
    run = TorchKernel(BATCHED_NMS_KERNEL, partial(HostLauncher, compile_for_host=compile_for_host))

    launch, outputs = run.prepared(boxes, scores, groups, *attributes.values())
    for each in (scores.clone(), later):
        scores.copy_(each)
        launch()
        expected = batched_nms(boxes, each, groups, **attributes)  # type: ignore[arg-type] # as the op names them
        assert all(torch.equal(*pair) for pair in zip(outputs, expected, strict=True))


def variant_for(maps: Sequence[Tensor]) -> Variant:
    recorder = Recorder()
    TorchKernel(MULTI_LEVEL_ROI_ALIGN_KERNEL, recorder)(*maps, torch.zeros(1, 5), 7, list(STRIDES))
    return recorder.loaded[0][0]


def maps_in(layouts: Sequence[torch.memory_format], channels: int = 8) -> list[Tensor]:
    return [torch.zeros(1, channels, 4, 4, dtype=torch.float16).contiguous(memory_format=each) for each in layouts]


def test_channels_are_last_only_where_all_maps_lie_so_and_are_read_whole() -> None:
    assert variant_for(maps_in([LAST] * 4)) == Variant("float16", channels_last=True)
    assert variant_for(maps_in([LAST, LAST, LINEAR, LAST])) == Variant("float16")
    assert variant_for(maps_in([LAST] * 4, channels=12)) == Variant("float16")


def test_a_tensor_that_begins_in_the_midst_of_what_is_read_at_a_time_is_copied() -> None:
    recorder = Recorder()
    boxes, scores = torch.zeros(21)[1:].view(1, 5, 4), torch.zeros(1, 5, 1)
    TorchKernel(BATCHED_NMS_KERNEL, recorder)(boxes, scores, torch.zeros(5, dtype=torch.int32), 0.5, 0.2, 3)
    ((shapes, inputs, outputs, _stream),) = recorder.launched
    assert boxes.data_ptr() % 16 != 0
    assert all(address % 16 == 0 for address in (*inputs, *outputs))
    assert inputs[1] == scores.data_ptr()
    assert shapes == {"boxes": (1, 5, 4), "scores": (1, 5, 1), "groups": (5,)}


def test_a_kernel_is_loaded_once_for_its_attributes_and_launched_on_the_current_stream() -> None:
    recorder = Recorder()
    run, maps = TorchKernel(MULTI_LEVEL_ROI_ALIGN_KERNEL, recorder), maps_in([LAST] * 4)
    for size in (7, 14, 7, 14):
        run(*maps, torch.zeros(1, 5), size, list(STRIDES))
    assert [attributes["output_size"] for _, attributes in recorder.loaded] == [7, 14]
    assert [launch[-1] for launch in recorder.launched] == [STREAM] * 4


@pytest.mark.parametrize(
    ("index", "wrong", "message"),
    [
        (0, torch.zeros(1, 5, 4, dtype=torch.float16), "boxes: .* torch.float32 .* got torch.float16"),
        (1, torch.zeros(5, 1), "scores: .* 3 dimensions .* got .* 2 on"),
        (2, torch.zeros(5, dtype=torch.int64), "groups: expected torch.int32"),
        (2, torch.zeros(5, dtype=torch.int32, device="meta"), "groups: .* on cpu, got .* on meta"),
    ],
)
def test_tensors_that_the_contract_does_not_know_are_refused(index: int, wrong: Tensor, message: str) -> None:
    inputs = [torch.zeros(1, 5, 4), torch.zeros(1, 5, 1), torch.zeros(5, dtype=torch.int32)]
    inputs[index] = wrong
    with pytest.raises(TypeError, match=f"BatchedNms, {message}"):
        TorchKernel(BATCHED_NMS_KERNEL, Recorder())(*inputs, 0.5, 0.2, 3)


def test_features_in_a_precision_without_a_kernel_are_refused() -> None:
    features, first, second = fusion_inputs(1, 16, 7)
    with pytest.raises(TypeError, match=r"^GridFusion, features: .*torch\.float32 .*torch\.bfloat16"):
        TorchKernel(GRID_FUSION_KERNEL, Recorder())(features.bfloat16(), *first, *second)
