"""BatchedNms at the shapes of R-50."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.gpu_case import Case
from benchmarks.ops.batched_nms.baseline import nms_by_torch
from benchmarks.ops.batched_nms.inputs import nms_inputs
from gridrt.plugins.batched_nms.kernel import BATCHED_NMS_KERNEL


def cases() -> Iterator[Case]:
    """Of proposals, then of detections, whose scores are of a softmax. Neither bytes nor FLOP bound them: rounds do."""
    (variant,) = BATCHED_NMS_KERNEL.variants
    for rows, columns, groups, iou, score, kept in ((5000, 1, 5, 0.7, -1.0, 1000), (1000, 80, 1, 0.3, 0.03, 100)):
        inputs = nms_inputs(rows, columns, groups)
        attributes = {"iou_threshold": iou, "score_threshold": score, "max_output": kept}
        baselines = partial(nms_by_torch, attributes)
        shape = inputs[0].shape
        yield Case(BATCHED_NMS_KERNEL, variant, attributes, inputs, "random", shape, None, baselines)
