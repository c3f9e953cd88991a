"""The ops as PyTorch knows them: signature, shapes, and what tracers see."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from benchmarks.ops.batched_nms.inputs import nms_inputs
from benchmarks.ops.grid_fusion.inputs import fusion_inputs
from benchmarks.ops.multi_level_roi_align.inputs import pyramid_and_rois
from gridrt.plugins.adapters.torch_ops import KERNEL_OPS, TORCH_OPS, schema_of
from gridrt.plugins.kernels import KERNELS
from gridrt.plugins.multi_level_roi_align.kernel import STRIDES


def on_meta(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.to("meta") for tensor in tensors]


def test_signatures_are_those_of_the_contracts() -> None:
    schemas = {kernel.contract.name: schema_of(kernel.contract) for kernel in KERNELS}
    assert schemas["BatchedNms"] == (
        "(Tensor boxes, Tensor scores, Tensor groups, float iou_threshold, float score_threshold, int max_output) "
        "-> (Tensor, Tensor, Tensor)"
    )
    assert schemas["MultiLevelRoiAlign"] == (
        "(Tensor p2, Tensor p3, Tensor p4, Tensor p5, Tensor rois, int output_size, int[] strides) -> Tensor"
    )
    assert str(torch.ops.gridrt.batched_nms.default._schema) == f"gridrt::batched_nms{schemas['BatchedNms']}"


def test_shapes_types_and_layout_are_known_without_values() -> None:
    maps, rois = pyramid_and_rois(9, 16, (96, 160))
    last = [each.half().contiguous(memory_format=torch.channels_last) for each in maps]
    pooled = KERNEL_OPS.multi_level_roi_align(on_meta(last), rois.to("meta"), STRIDES, 7)
    assert (pooled.shape, pooled.dtype, pooled.device.type) == ((9, 16, 7, 7), torch.float16, "meta")
    assert pooled.is_contiguous(memory_format=torch.channels_last)

    features, first, second = fusion_inputs(2, 16, 7)
    fused = KERNEL_OPS.grid_fusion(features.to("meta"), type(first)(*on_meta(first)), type(second)(*on_meta(second)))
    assert (fused.shape, fused.dtype, fused.is_contiguous()) == ((2, 144, 7, 7), torch.float32, True)

    kept = KERNEL_OPS.batched_nms(
        *on_meta(nms_inputs(60, 3, 2, batch=2)), iou_threshold=0.5, score_threshold=0.2, max_output=20
    )
    assert [(each.shape, each.dtype) for each in kept] == [
        ((2, 20, 4), torch.float32),
        ((2, 20), torch.float32),
        ((2, 20), torch.int32),
    ]


class Suppression(nn.Module):
    def forward(self, boxes: Tensor, scores: Tensor, groups: Tensor) -> Tensor:
        kept = KERNEL_OPS.batched_nms(boxes, scores, groups, iou_threshold=0.5, score_threshold=0.2, max_output=20)
        return kept[0] + 1


def test_a_tracer_sees_one_node_whose_rows_stay_open() -> None:
    rows = torch.export.Dim("rows", max=1000)
    program = torch.export.export(Suppression(), nms_inputs(60, 3, 2), dynamic_shapes=({1: rows}, {1: rows}, {0: rows}))
    assert [node.target for node in program.graph.nodes].count(torch.ops.gridrt.batched_nms.default) == 1


def test_on_a_device_without_a_kernel_pytorch_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"gridrt::batched_nms.*CPU"):
        TORCH_OPS["BatchedNms"](*nms_inputs(60, 3, 2), 0.5, 0.2, 20)
