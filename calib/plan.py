"""A plan: the precision of every node of one graph, with the reason."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from onnx import GraphProto

from gridrt.calib.fp16 import HALF_OPS
from gridrt.calib.precision import Precision
from gridrt.calib.recipe import Recipe, RecipeError, Rule
from gridrt.calib.targets.quantization import INT8_OPS

FORMS: Mapping[Precision, Collection[str]] = {Precision.FP16: HALF_OPS, Precision.INT8: INT8_OPS}
_NEAREST = 3


@dataclass(frozen=True)
class Plan:
    """What a recipe says about the nodes of a graph.

    Attributes:
        rules: the deciding rule of each node, by the node's name; nodes without one stay in FP32.
    """

    rules: Mapping[str, Rule]

    def precision(self, node: str) -> Precision:
        """That a node is planned in."""
        return self.rules[node].precision if node in self.rules else Precision.FP32

    def nodes(self, precision: Precision) -> frozenset[str]:
        """Names of the nodes that a rule plans in a precision."""
        return frozenset(name for name, rule in self.rules.items() if rule.precision is precision)


def plan_from_recipe(graph: GraphProto, recipe: Recipe) -> Plan:
    """Match a recipe with the nodes of a graph.

    Raises:
        RecipeError: a pattern matches no node, for which the nearest names are suggested, or none that can run in the
            rule's precision.
    """
    ops: dict[str, str] = {node.name: node.op_type for node in graph.node}
    deciding: dict[str, Rule] = {}
    for index, rule in enumerate(recipe.rules):
        matched = [name for name in ops if fnmatchcase(name, rule.nodes)]
        place = f"{recipe.place}: rules[{index}]"
        if not matched:
            rule_broken, near = "a pattern matches at least one node", ", ".join(nearest_names(rule.nodes, list(ops)))
            raise RecipeError(rule_broken, place=f"{place}.nodes", value=repr(rule.nodes), remedy=f"Near it: {near}.")
        _check_form(rule, {ops[name] for name in matched}, place)
        deciding.update(dict.fromkeys(matched, rule))
    return Plan(deciding)


def _check_form(rule: Rule, ops: set[str], place: str) -> None:
    """Refuse a precision that none of the matched nodes can have: it would be dropped silently."""
    forms = FORMS.get(rule.precision)
    if forms is not None and ops.isdisjoint(forms):
        raise RecipeError(
            f"a rule for {rule.precision.value} matches a node that has such a form ({', '.join(sorted(forms))})",
            place=f"{place}.nodes",
            value=f"{rule.nodes!r}, which matches {', '.join(sorted(ops))}",
        )


def nearest_names(pattern: str, names: list[str]) -> list[str]:
    """The names of nodes, or of the modules they are in, that are most like a pattern."""
    modules = {module for name in names for module in _modules(name)}
    wanted = pattern.rstrip("*")
    return difflib.get_close_matches(wanted, sorted(modules | set(names)), n=_NEAREST, cutoff=0)


def _modules(name: str) -> list[str]:
    """`neck.fpn_convs.0.conv/Conv` -> neck, neck.fpn_convs, ..."""
    parts = name.split("/", maxsplit=1)[0].split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
