"""Where the stages are in an exported graph: by its custom ops, and by the modules that its nodes are named after.

Casts and Q/DQ belong to no stage. The network's input is looked at before them, other maps are looked at behind them,
where the next stage reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnx import GraphProto, NodeProto

from gridrt.errors import GraphError
from gridrt.graph.wiring import Wiring, wiring_of
from gridrt.plugins.batched_nms.contract import BATCHED_NMS
from gridrt.plugins.multi_level_roi_align.contract import LEVELS, MULTI_LEVEL_ROI_ALIGN

CONVERSIONS = ("Cast", "QuantizeLinear", "DequantizeLinear")
PYRAMID_LEVELS = 5


@dataclass(frozen=True)
class StageTensors:
    """Names of tensors in a graph.

    Attributes:
        input: the normalised image.
        pyramid: P2..P6.
        objectness: logits, level by level.
        deltas: level by level.
        proposals: boxes that the second stage reads.
        levels: of the proposals, -1 in unused rows.
        scores: class probabilities that suppression reads.
        selected: boxes, scores and labels of the detections before the grid.
        heatmaps: logits that are decoded.
    """

    input: str
    pyramid: tuple[str, ...]
    objectness: tuple[str, ...]
    deltas: tuple[str, ...]
    proposals: str
    levels: str
    scores: str
    selected: tuple[str, str, str]
    heatmaps: str


def stage_tensors(graph: GraphProto) -> StageTensors:
    """Find the stages of a graph.

    Raises:
        GraphError: one is not there, named by the rule.
    """
    wiring = wiring_of(graph)
    first_nms, second_nms = _of_type(graph, BATCHED_NMS.name, 2, "proposals and class scores")
    pool, _ = _of_type(graph, MULTI_LEVEL_ROI_ALIGN.name, 2, "the pyramid levels")
    (stem,) = _of_module(graph, "backbone.conv1", "Conv", 1, "the input")
    (coarsest,) = _of_module(graph, "neck", "MaxPool", 1, "pyramid level P6")
    (deconv,) = _of_module(graph, "roi_head.grid_head.deconv2", "ConvTranspose", 1, "the heatmaps")
    objectness = _of_module(graph, "rpn_head.rpn_cls", "Conv", PYRAMID_LEVELS, "objectness")
    deltas = _of_module(graph, "rpn_head.rpn_reg", "Conv", PYRAMID_LEVELS, "deltas")
    boxes, scores, labels = second_nms.output
    return StageTensors(
        input=_before_conversions(wiring, stem.input[0]),
        pyramid=(*pool.input[: len(LEVELS)], coarsest.output[0]),
        objectness=tuple(_behind_conversions(wiring, node.output[0]) for node in objectness),
        deltas=tuple(_behind_conversions(wiring, node.output[0]) for node in deltas),
        proposals=second_nms.input[0],
        levels=first_nms.output[2],
        scores=second_nms.input[1],
        selected=(boxes, scores, labels),
        heatmaps=_behind_conversions(wiring, deconv.output[0]),
    )


def _of_type(graph: GraphProto, op: str, count: int, stage: str) -> Sequence[NodeProto]:
    found = [node for node in graph.node if node.op_type == op]
    return _insist(found, count, op, stage)


def _of_module(graph: GraphProto, module: str, op: str, count: int, stage: str) -> Sequence[NodeProto]:
    name = f"{module}/{op}"
    found = [node for node in graph.node if node.op_type == op and node.name.startswith(name)]
    return _insist(found, count, name, stage)


def _insist(found: Sequence[NodeProto], count: int, name: str, stage: str) -> Sequence[NodeProto]:
    if len(found) == count:
        return found
    rule = f"{stage} cannot be found: the graph has no {count} nodes {name}"
    raise GraphError(rule, value=len(found), remedy="Export it with this version: gridrt export.")


def _before_conversions(wiring: Wiring, tensor: str) -> str:
    while tensor in wiring.producers and wiring.producers[tensor].op_type in CONVERSIONS:
        tensor = wiring.producers[tensor].input[0]
    return tensor


def _behind_conversions(wiring: Wiring, tensor: str) -> str:
    """Where the decode reads what a convolution makes."""
    while conversion := next((node for node in wiring.consumer_nodes(tensor) if node.op_type in CONVERSIONS), None):
        tensor = conversion.output[0]
    return tensor
