"""The ops of PyTorch, on a GPU, give what their definitions give; in either layout, and recorded in a CUDA graph."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from benchmarks.ops.batched_nms.inputs import nms_inputs
from benchmarks.ops.grid_fusion.inputs import fusion_inputs
from benchmarks.ops.multi_level_roi_align.inputs import pyramid_and_rois
from gridrt.ops.grid_fusion import FusionWeights, grid_fusion
from gridrt.ops.nms import batched_nms
from gridrt.ops.roi_align import multi_level_roi_align
from gridrt.plugins.adapters.torch_ops import KERNEL_OPS
from gridrt.plugins.batched_nms.contract import BATCHED_NMS
from gridrt.plugins.contract import Contract
from gridrt.plugins.grid_fusion.contract import GRID_FUSION
from gridrt.plugins.multi_level_roi_align.contract import MULTI_LEVEL_ROI_ALIGN
from gridrt.plugins.multi_level_roi_align.kernel import STRIDES
from gridrt.runtime.pytorch_cuda.torch_gpu import TorchGpu

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.parametrize("precision", [torch.float32, torch.float16], ids=str),
    pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format], ids=str),
]


def on_gpu(tensors: Sequence[Tensor], precision: torch.dtype, layout: torch.memory_format) -> list[Tensor]:
    return [
        tensor.to("cuda", precision).contiguous(memory_format=layout if tensor.ndim == 4 else torch.contiguous_format)
        for tensor in tensors
    ]


def in_float(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.float().contiguous() for tensor in tensors]


def assert_close(actual: Tensor, expected: Tensor, contract: Contract) -> None:
    tolerance = contract.tolerances["float16" if actual.dtype == torch.float16 else "float32"]
    torch.testing.assert_close(actual.float(), expected, atol=tolerance.absolute, rtol=tolerance.relative)


def test_roi_align(precision: torch.dtype, layout: torch.memory_format) -> None:
    maps, rois = pyramid_and_rois(50, 64, (256, 320), batch=2)
    maps, rois = on_gpu(maps, precision, layout), rois.cuda()
    pooled = KERNEL_OPS.multi_level_roi_align(maps, rois, STRIDES, 14)
    assert (pooled.dtype, pooled.is_contiguous(memory_format=layout)) == (precision, True)
    expected = multi_level_roi_align([each.cpu() for each in in_float(maps)], rois.cpu(), STRIDES, 14)
    assert_close(pooled.cpu(), expected, MULTI_LEVEL_ROI_ALIGN)


def test_grid_fusion(precision: torch.dtype, layout: torch.memory_format) -> None:
    features, *orders = fusion_inputs(20, 64, 7)
    (features,) = on_gpu([features], precision, layout)
    first, second = (FusionWeights(*on_gpu(order, precision, torch.contiguous_format)) for order in orders)
    fused = KERNEL_OPS.grid_fusion(features, first, second)
    assert (fused.dtype, fused.is_contiguous(memory_format=layout)) == (precision, True)
    as_defined = (FusionWeights(*(each.cpu() for each in in_float(order))) for order in (first, second))
    assert_close(fused.cpu(), grid_fusion(in_float([features.cpu()])[0], *as_defined), GRID_FUSION)


def test_a_recording_follows_its_inputs(precision: torch.dtype, layout: torch.memory_format) -> None:
    gpu = TorchGpu()
    fused: list[Tensor] = []
    features, *orders = fusion_inputs(20, 16, 7)
    first, second = (FusionWeights(*on_gpu(order, precision, torch.contiguous_format)) for order in orders)
    with gpu.on_stream():
        (memory,) = on_gpu([torch.zeros_like(features)], precision, layout)

        def launch() -> None:
            fused[:] = [KERNEL_OPS.grid_fusion(memory, first, second)]

        launch()
        replay = gpu.captured(launch)
        memory.copy_(features)
        replay()
        repeated = fused[0].cpu()
        assert torch.equal(repeated, KERNEL_OPS.grid_fusion(memory, first, second).cpu())


def test_suppression_keeps_the_same_bits(precision: torch.dtype, layout: torch.memory_format) -> None:
    if (precision, layout) != (torch.float32, torch.contiguous_format):
        pytest.skip("has no features")
    inputs = nms_inputs(1000, 80, 1, batch=2)
    kept = KERNEL_OPS.batched_nms(
        *(each.cuda() for each in inputs), iou_threshold=0.3, score_threshold=0.03, max_output=100
    )
    expected = batched_nms(*inputs, iou_threshold=0.3, score_threshold=0.03, max_output=100)
    assert BATCHED_NMS.tolerances["float32"].absolute == 0
    for one, other in zip(kept, expected, strict=True):
        assert torch.equal(one.cpu(), other)
