"""`gridrt::BatchedNms`: what it takes and gives. Defined by `gridrt.ops.nms.batched_nms`."""

from __future__ import annotations

from gridrt.plugins.contract import Attribute, Attributes, Contract, Input, Output, Tolerance
from gridrt.plugins.sizes import Size, as_size

BOXES = Input("boxes", "float32", 3)
"""[B, N, 4] xyxy, coordinates of at least 0."""
SCORES = Input("scores", "float32", 3)
"""[B, N, C]."""
GROUPS = Input("groups", "int32", 1)
"""[N]."""


def _rows(attributes: Attributes) -> tuple[Size, ...]:
    return BOXES.dim(0), as_size(attributes["max_output"])


BATCHED_NMS = Contract(
    name="BatchedNms",
    input_tensors=(BOXES, SCORES, GROUPS),
    output_tensors=(
        # [B, D, 4]; 0 in unused rows
        Output("kept_boxes", "float32", lambda attributes: (*_rows(attributes), as_size(4))),
        Output("kept_scores", "float32", _rows),  # [B, D] descending; 0 in unused rows
        Output("kept_groups", "int32", _rows),  # [B, D]; -1 in unused rows
    ),
    node_constants=(
        Attribute("iou_threshold", "float"),
        Attribute("score_threshold", "float"),
        Attribute("max_output", "int"),  # D
    ),
    tolerances={"float32": Tolerance(0)},
)
