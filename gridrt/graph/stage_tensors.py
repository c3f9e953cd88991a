"""The tensors between the stages of an exported graph, found by its custom ops and by the names of its nodes.

Casts and Q/DQ stand between stages. The network's input and the backbone's features are taken before them, other maps
behind them, where the next stage consumes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnx import GraphProto, NodeProto

from gridrt.errors import GraphError
from gridrt.graph.wiring import Wiring, wiring_of
from gridrt.plugins.batched_nms.contract import BATCHED_NMS
from gridrt.plugins.multi_level_roi_align.contract import LEVELS, MULTI_LEVEL_ROI_ALIGN
from gridrt.stages import CONVERSIONS

PYRAMID_LEVELS = 5


@dataclass(frozen=True)
class StageTensors:
    """Names of tensors in a graph.

    Attributes:
        input: the normalised image.
        backbone: C2..C5.
        pyramid: P2..P6.
        objectness: logits, level by level.
        deltas: level by level.
        proposals: their boxes.
        levels: of the proposals, -1 in unused rows.
        scores: class probabilities.
        selected: boxes, scores and labels of the detections before the grid branch.
        heatmaps: logits.
    """

    input: str
    backbone: tuple[str, ...]
    pyramid: tuple[str, ...]
    objectness: tuple[str, ...]
    deltas: tuple[str, ...]
    proposals: str
    levels: str
    scores: str
    selected: tuple[str, str, str]
    heatmaps: str


def stage_tensors(graph: GraphProto) -> StageTensors:
    """Find the tensors between the stages of a graph.

    Raises:
        GraphError: the graph has no node that marks one; the error names it.
    """
    wiring = wiring_of(graph)
    first_nms, second_nms = _nodes(graph, BATCHED_NMS.name, 2, "proposals and class scores")
    pool, _ = _nodes(graph, MULTI_LEVEL_ROI_ALIGN.name, 2, "the pyramid levels")
    (stem,) = _nodes(graph, "backbone.conv1/Conv", 1, "the input")
    (coarsest,) = _nodes(graph, "neck/MaxPool", 1, "pyramid level P6")
    (deconv,) = _nodes(graph, "roi_head.grid_head.deconv2/ConvTranspose", 1, "the heatmaps")
    laterals = [
        _nodes(graph, f"neck.lateral_convs.{level}.conv/Conv", 1, "the backbone's features")[0]
        for level in range(len(LEVELS))
    ]
    objectness = _nodes(graph, "rpn_head.rpn_cls/Conv", PYRAMID_LEVELS, "objectness")
    deltas = _nodes(graph, "rpn_head.rpn_reg/Conv", PYRAMID_LEVELS, "deltas")
    boxes, scores, labels = second_nms.output
    return StageTensors(
        input=_before_conversions(wiring, stem.input[0]),
        backbone=tuple(_before_conversions(wiring, node.input[0]) for node in laterals),
        pyramid=(*pool.input[: len(LEVELS)], coarsest.output[0]),
        objectness=tuple(_behind_conversions(wiring, node.output[0]) for node in objectness),
        deltas=tuple(_behind_conversions(wiring, node.output[0]) for node in deltas),
        proposals=second_nms.input[0],
        levels=first_nms.output[2],
        scores=second_nms.input[1],
        selected=(boxes, scores, labels),
        heatmaps=_behind_conversions(wiring, deconv.output[0]),
    )


def _nodes(graph: GraphProto, name: str, count: int, stage: str) -> Sequence[NodeProto]:
    """The nodes called `module/Op` or `CustomOp`, and their likes with a number behind the name."""
    op = name.rpartition("/")[2]
    found = [node for node in graph.node if node.op_type == op and node.name.startswith(name)]
    if len(found) != count:
        raise GraphError(
            "cannot find this in the graph",
            place=stage,
            value=f"{len(found)} nodes {name} in place of {count}",
            remedy="Export it with this version: gridrt export.",
        )
    return found


def _before_conversions(wiring: Wiring, tensor: str) -> str:
    while tensor in wiring.producers and wiring.producers[tensor].op_type in CONVERSIONS:
        tensor = wiring.producers[tensor].input[0]
    return tensor


def _behind_conversions(wiring: Wiring, tensor: str) -> str:
    """Where the decode reads what a convolution makes."""
    while conversion := next((node for node in wiring.consumer_nodes(tensor) if node.op_type in CONVERSIONS), None):
        tensor = conversion.output[0]
    return tensor
