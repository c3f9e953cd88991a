"""The kernel, launched on a GPU, keeps what the definition keeps."""

from __future__ import annotations

import pytest
import torch

from benchmarks.gpu_kernel import launched
from benchmarks.ops.batched_nms.inputs import nms_inputs
from gridrt.ops.nms import batched_nms
from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize(
    ("rows", "columns", "groups", "iou", "score", "kept"),
    [(0, 1, 1, 0.7, -1.0, 10), (5000, 1, 5, 0.7, -1.0, 1000), (1000, 80, 1, 0.3, 0.03, 100)],
)
def test_nms_keeps_the_same_bits(rows: int, columns: int, groups: int, iou: float, score: float, kept: int) -> None:
    inputs = nms_inputs(rows, columns, groups, batch=2)
    expected = batched_nms(*inputs, iou_threshold=iou, score_threshold=score, max_output=kept)
    attributes = {"iou_threshold": iou, "score_threshold": score, "max_output": kept}
    actual = launched(BATCHED_NMS_KERNEL, BATCHED_NMS_KERNEL.variants[0], attributes, *inputs)
    for one, other in zip(actual, expected, strict=True):
        assert torch.equal(one.cpu(), other)
