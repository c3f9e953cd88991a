"""How the kernel of `gridrt::BatchedNms` is compiled and launched; it is in `kernel.cuh` and `window.cuh`."""

from __future__ import annotations

from gridrt.plugins.batched_nms.contract import BATCHED_NMS, BOXES, GROUPS, SCORES
from gridrt.plugins.contract import Attributes
from gridrt.plugins.kernel import Example, Kernel, Launch, Variant
from gridrt.plugins.limits import Limit
from gridrt.plugins.sizes import as_size, largest

THREADS = 1024
BOX = 16  # bytes
KEPT = 80 * 1024  # bytes that kept boxes may take; 16 KiB more are for all else, and 99 KiB is what every GPU has
MOST_BUCKETS = 32
MOST_OUTPUT = KEPT // BOX


def _buckets(attributes: Attributes) -> int:
    """Number of buckets for kept boxes, each with room for all of them."""
    return min(KEPT // (BOX * int(attributes["max_output"])), MOST_BUCKETS)


def _example(rows: int, columns: int, iou_threshold: float, score_threshold: float, max_output: int) -> Example:
    shapes = {BOXES.name: (1, rows, 4), SCORES.name: (1, rows, columns), GROUPS.name: (rows,)}
    attributes = {"iou_threshold": iou_threshold, "score_threshold": score_threshold, "max_output": max_output}
    return Example(attributes, shapes)


BATCHED_NMS_KERNEL = Kernel(
    contract=BATCHED_NMS,
    variants=(Variant("float32"),),
    macros=lambda attributes: {
        "GRIDRT_IOU_THRESHOLD": repr(float(attributes["iou_threshold"])),
        "GRIDRT_SCORE_THRESHOLD": repr(float(attributes["score_threshold"])),
        "GRIDRT_MAX_OUTPUT": str(attributes["max_output"]),
        "GRIDRT_BUCKETS": str(_buckets(attributes)),
        "GRIDRT_THREADS": str(THREADS),
    },
    scalars=(BOXES.dim(0), BOXES.dim(1), SCORES.dim(2)),
    launch=lambda _variant, attributes: Launch(
        grid=(largest(BOXES.dim(0), 1), as_size(1), as_size(1)),
        threads=THREADS,
        shared_memory=as_size(BOX * int(attributes["max_output"]) * _buckets(attributes)),
    ),
    examples=(
        _example(5000, 1, iou_threshold=0.7, score_threshold=-1.0, max_output=1000),  # proposals
        _example(1000, 80, iou_threshold=0.3, score_threshold=0.03, max_output=100),  # detections
    ),
    limits=(
        Limit("iou_threshold", "must be at least 0", lambda threshold: threshold >= 0),
        Limit("max_output", f"must be from 1 to {MOST_OUTPUT}", lambda rows: 1 <= rows <= MOST_OUTPUT),
    ),
)
