"""BatchedNms by PyTorch: torchvision's, or the definition. Both wait for the GPU: no CUDA graph captures them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from benchmarks.gpu_case import WITHOUT_TORCHVISION, Baseline, Inputs, torchvision_ops
from gridrt.ops.nms import batched_nms


def nms_by_torch(attributes: Mapping[str, Any], inputs: Inputs) -> Iterator[Baseline]:
    """Torchvision's for one image, from scores and from candidates that are there; without it, the definition."""
    boxes, scores, groups = inputs
    ops = torchvision_ops()
    if ops is None:
        name = f"gridrt.ops.nms.batched_nms {WITHOUT_TORCHVISION}"
        yield Baseline(name, lambda: batched_nms(boxes, scores, groups, **attributes), is_captured=False)
        return
    threshold, most = attributes["iou_threshold"], attributes["max_output"]

    def candidates() -> tuple[Tensor, Tensor, Tensor]:
        row, column = (scores[0] > attributes["score_threshold"]).nonzero(as_tuple=True)
        return boxes[0, row], scores[0, row, column], groups[row] + column

    chosen = candidates()
    yield Baseline(
        "torchvision nms, candidates chosen before",
        lambda: ops.batched_nms(*chosen, threshold)[:most],
        is_captured=False,
    )
    yield Baseline("torchvision nms", lambda: ops.batched_nms(*candidates(), threshold)[:most], is_captured=False)
