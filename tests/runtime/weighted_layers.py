"""The layers of an exported detector that multiply, by the stage that their weights are named for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from onnx import GraphProto

from gridrt.stages import Stage

MULTIPLY = frozenset(("Conv", "ConvTranspose", "Gemm"))

# By how the checkpoint names weights; the fusion's are stacked under names of their own.
STAGE_OF_WEIGHTS: Mapping[str, Stage] = {
    "backbone": "backbone",
    "neck": "fpn",
    "rpn_head": "rpn",
    "roi_head.bbox_head": "box_head",
    "roi_head.grid_head": "grid_head",
}
FUSION_CONVOLUTIONS = 4


def weighted_by_stage(graph: GraphProto) -> Counter[Stage]:
    """How many layers of an exported graph, with those in the body of the fusion, multiply in which stage."""
    counts: Counter[Stage] = Counter({"grid_fusion": FUSION_CONVOLUTIONS})
    for node in graph.node:
        if node.op_type in MULTIPLY:
            counts[next(stage for part, stage in STAGE_OF_WEIGHTS.items() if node.input[1].startswith(part))] += 1
    return counts
