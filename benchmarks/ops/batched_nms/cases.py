"""BatchedNms at the shapes of R-50."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from benchmarks.gpu_case import Baseline, Case
from benchmarks.ops.batched_nms.baseline import nms_by_torch
from benchmarks.ops.batched_nms.inputs import nms_inputs
from benchmarks.ops.batched_nms.roofline import nms_cost
from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL


def cases() -> Iterator[Case]:
    """Of proposals, then of detections."""
    (variant,) = BATCHED_NMS_KERNEL.variants
    for rows, columns, groups, iou, score, kept in ((5000, 1, 5, 0.7, -1.0, 1000), (1000, 80, 1, 0.3, 0.03, 100)):
        inputs = nms_inputs(rows, columns, groups)
        attributes = {"iou_threshold": iou, "score_threshold": score, "max_output": kept}
        boxes, scores, _ = (tensor.shape for tensor in inputs)
        cost = nms_cost(boxes, scores, kept)
        yield Case(BATCHED_NMS_KERNEL, variant, attributes, inputs, boxes, cost, partial(_baseline, inputs, attributes))


def _baseline(inputs: Sequence[Tensor], attributes: Mapping[str, Any]) -> Baseline:
    """On the GPU."""
    return nms_by_torch([tensor.cuda() for tensor in inputs], attributes)
