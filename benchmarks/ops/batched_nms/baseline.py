"""BatchedNms by PyTorch: torchvision's, or the definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from benchmarks.gpu_case import WITHOUT_TORCHVISION, Baseline, torchvision_ops
from gridrt.ops.nms import batched_nms


def nms_by_torch(inputs: Sequence[Tensor], attributes: Mapping[str, Any]) -> Baseline:
    """Torchvision's for one image; without it, the definition in torch."""
    boxes, scores, groups = inputs
    ops = torchvision_ops()
    if ops is None:
        name = f"gridrt.ops.nms.batched_nms {WITHOUT_TORCHVISION}"
        return name, lambda: batched_nms(boxes, scores, groups, **attributes)

    def call() -> Tensor:
        row, column = (scores[0] > attributes["score_threshold"]).nonzero(as_tuple=True)
        kept: Tensor = ops.batched_nms(
            boxes[0, row], scores[0, row, column], groups[row] + column, attributes["iou_threshold"]
        )
        return kept[: attributes["max_output"]]

    return "torchvision batched_nms", call
