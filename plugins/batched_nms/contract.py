"""`gridrt::BatchedNms`: what it takes and gives. Defined by `gridrt.ops.nms.batched_nms`."""

from __future__ import annotations

from gridrt.plugins.contract import Contract

BATCHED_NMS = Contract(
    name="BatchedNms",
    inputs=(
        "boxes",  # float32 [B, N, 4] xyxy, coordinates of at least 0
        "scores",  # float32 [B, N, C]
        "groups",  # int32 [N]
    ),
    outputs=(
        "kept_boxes",  # float32 [B, D, 4]; zeros in unused rows
        "kept_scores",  # float32 [B, D] descending; 0 in unused rows
        "kept_groups",  # int32 [B, D]; -1 in unused rows
    ),
    attributes=("iou_threshold", "score_threshold", "max_output"),
)
