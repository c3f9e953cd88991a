"""The cost of INT8, block by block, and the recipe that keeps the loss of AP within a budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from onnx import GraphProto
from tqdm import tqdm

from gridrt.calib.plan import Plan, plan_from_recipe
from gridrt.calib.recipe import Recipe, Rule
from gridrt.calib.targets.quantization import weighted_nodes
from gridrt.eval.bootstrap import Interval
from gridrt.graph.half import HALF_OPS
from gridrt.graph.wiring import wiring_of
from gridrt.stages import module_of_node, stage_of_node


@dataclass(frozen=True)
class Loss:
    """How the detections of a graph differ from those of its parent.

    Attributes:
        disagreement: see `Fidelity`.
        ap_drop: in points of 100; None where there are no annotations.
        ap_drop_interval: that holds 95 % of `ap_drop` over resampled images, in points of 100; None where it is not
            measured.
    """

    disagreement: float
    ap_drop: float | None
    ap_drop_interval: Interval | None = None

    def beyond(self, baseline: Loss) -> Loss:
        """The loss in addition to that of another graph, without an interval."""
        known = self.ap_drop is not None and baseline.ap_drop is not None
        drop = (self.ap_drop or 0.0) - (baseline.ap_drop or 0.0) if known else None
        return Loss(self.disagreement - baseline.disagreement, drop)

    @property
    def rank(self) -> tuple[float, float]:
        """The key to sort by: AP first, where it is known."""
        return (self.ap_drop or 0.0, self.disagreement)


@dataclass(frozen=True)
class BlockCost:
    """The cost of a block when it alone runs in INT8.

    Attributes:
        block: the module's name.
        nodes: how many convolutions and matrix products it has.
        loss: in addition to that of the same recipe with every block in FP16.
    """

    block: str
    nodes: int
    loss: Loss


Measure: TypeAlias = Callable[[Recipe], Loss]


def blocks_of(graph: GraphProto, recipe: Recipe) -> dict[str, int]:
    """The blocks that a recipe runs in INT8, each with its number of weighted nodes, in the graph's order."""
    integers = plan_from_recipe(graph, recipe).nodes("int8")
    blocks: dict[str, int] = {}
    for node in weighted_nodes(wiring_of(graph), integers):
        block = block_of(node.name)
        blocks[block] = blocks.get(block, 0) + 1
    return blocks


def block_of(node: str) -> str:
    """`backbone.layer1.0.conv1/Conv` -> `backbone.layer1`; in the heads a block is a single layer."""
    return module_of_node(node, depth=2 if stage_of_node(node) in {"box_head", "grid_head"} else 1)


def without(graph: GraphProto, recipe: Recipe, blocks: Sequence[str], reason: str) -> Recipe:
    """A recipe with the INT8 nodes of these blocks in FP16; other nodes keep their precision."""
    plan = plan_from_recipe(graph, recipe)
    rules = (Rule(nodes, "fp16", reason) for block in blocks for nodes in _patterns(graph, plan, block))
    return replace(recipe, rules=(*recipe.rules, *rules))


def _patterns(graph: GraphProto, plan: Plan, block: str) -> list[str]:
    """Patterns for the INT8 nodes of a block: one for the whole block where it has no node in FP32."""
    nodes = [node for node in graph.node if node.name.startswith((f"{block}.", f"{block}/"))]
    planned = {node.name: plan.precision(node.name) for node in nodes if node.op_type in HALF_OPS}
    if "fp32" not in planned.values():
        return [f"{block}[./]*"]
    return [name for name, precision in planned.items() if precision == "int8"]


def costs(graph: GraphProto, recipe: Recipe, measure: Measure) -> list[BlockCost]:
    """The cost of each block alone, costliest first, with a progress bar on a terminal."""
    blocks = blocks_of(graph, recipe)
    baseline = measure(without(graph, recipe, list(blocks), "not measured now"))
    found = []
    for block, nodes in tqdm(blocks.items(), "measuring", unit="block", disable=None):
        others = [other for other in blocks if other != block]
        loss = measure(without(graph, recipe, others, "not measured now"))
        found.append(BlockCost(block, nodes, loss.beyond(baseline)))
    return sorted(found, key=lambda cost: cost.loss.rank, reverse=True)


@dataclass(frozen=True)
class Mixture:
    """The recipe that was found.

    Attributes:
        recipe: named `mixed`.
        loss: of the graph in that recipe.
        kept_back: blocks that stay in FP16 for the AP that INT8 would cost, costliest first.
    """

    recipe: Recipe
    loss: Loss
    kept_back: tuple[str, ...]


def within(loss: Loss, max_ap_drop: float | None) -> bool:
    """Whether a loss of AP is known and within a budget in points of 100."""
    return loss.ap_drop is not None and max_ap_drop is not None and loss.ap_drop <= max_ap_drop


def mixture(
    graph: GraphProto,
    recipe: Recipe,
    whole: Loss,
    ranking: Sequence[BlockCost],
    measure: Measure,
    max_ap_drop: float,
) -> Mixture:
    """The recipe with the fewest of the costliest blocks in FP16 that loses at most `max_ap_drop` points of AP.

    If none does, the recipe with all blocks in FP16; compare its loss with the budget.

    Args:
        graph: in FP32.
        recipe: with INT8 blocks.
        whole: its loss as it is.
        ranking: of its blocks, costliest first.
        measure: the loss of a recipe, with AP.
        max_ap_drop: in points of 100.
    """
    found, loss, count = _mixed(graph, recipe, (), max_ap_drop), whole, 0
    with tqdm(total=len(ranking), desc="mixing", unit="recipe", disable=None, leave=False) as bar:
        while not within(loss, max_ap_drop) and count < len(ranking):
            count += 1
            found = _mixed(graph, recipe, ranking[:count], max_ap_drop)
            loss = measure(found)
            bar.update()
    return Mixture(found, loss, tuple(cost.block for cost in ranking[:count]))


def _mixed(graph: GraphProto, recipe: Recipe, kept_back: Sequence[BlockCost], max_ap_drop: float) -> Recipe:
    described = f"{recipe.name}, with what costs most in FP16, to lose at most {max_ap_drop:g} points of AP."
    mixed = replace(recipe, name="mixed", description=described)
    for cost in kept_back:
        mixed = without(graph, mixed, [cost.block], f"alone it costs {cost.loss.ap_drop or 0.0:.2f} points of AP")
    return mixed
