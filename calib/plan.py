"""A plan: the precision of every node of one graph, with the reason."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from onnx import GraphProto

from gridrt.calib.recipe import Recipe, RecipeError, Rule
from gridrt.calib.targets.quantization import INT8_OPS
from gridrt.graph.half import HALF_OPS
from gridrt.runtime.info import Precision

FORMS: Mapping[Precision, Collection[str]] = {"fp16": HALF_OPS, "int8": INT8_OPS}
_NEAREST = 3


@dataclass(frozen=True)
class Plan:
    """The precision of each node of a graph.

    Attributes:
        rules: the rule that decides about a node, by the node's name; nodes without one stay in FP32.
    """

    rules: Mapping[str, Rule]

    def precision(self, node: str) -> Precision:
        """The precision planned for a node."""
        return self.rules[node].precision if node in self.rules else "fp32"

    def nodes(self, precision: Precision) -> frozenset[str]:
        """Names of the nodes that a rule plans in a precision."""
        return frozenset(name for name, rule in self.rules.items() if rule.precision == precision)


def plan_from_recipe(graph: GraphProto, recipe: Recipe) -> Plan:
    """Match the rules of a recipe with the nodes of a graph.

    Raises:
        RecipeError: a pattern matches no node, or none that can run in the rule's precision.
    """
    ops: dict[str, str] = {node.name: node.op_type for node in graph.node}
    deciding: dict[str, Rule] = {}
    for index, rule in enumerate(recipe.rules):
        matched = [name for name in ops if fnmatchcase(name, rule.nodes)]
        place = f"{recipe.place}: rules[{index}]"
        if not matched:
            raise RecipeError(
                "a pattern must match at least one node",
                place=f"{place}.nodes",
                value=repr(rule.nodes),
                remedy=f"Near it: {', '.join(nearest_names(rule.nodes, list(ops)))}.",
            )
        forms, matched_ops = FORMS.get(rule.precision), {ops[name] for name in matched}
        if forms is not None and matched_ops.isdisjoint(forms):  # the rule would be dropped silently
            raise RecipeError(
                f"a rule for {rule.precision} must match a node of {', '.join(sorted(forms))}",
                place=f"{place}.nodes",
                value=f"{rule.nodes!r}, which matches {', '.join(sorted(matched_ops))}",
            )
        deciding.update(dict.fromkeys(matched, rule))
    return Plan(deciding)


def nearest_names(pattern: str, names: list[str]) -> list[str]:
    """The names of nodes, or of the modules they are in, that are most like a pattern."""
    candidates = set(names)
    for name in names:  # `neck.fpn_convs.0.conv/Conv` -> neck, neck.fpn_convs, ...
        parts = name.split("/", maxsplit=1)[0].split(".")
        candidates |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    return difflib.get_close_matches(pattern.rstrip("*"), sorted(candidates), n=_NEAREST, cutoff=0)
