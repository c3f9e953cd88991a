"""A graph in the precisions of a recipe: INT8 first, then FP16 around it, then what the target needs besides."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import ModelProto

from gridrt.calib.affine import Range
from gridrt.calib.int8 import to_int8
from gridrt.calib.plan import plan_from_recipe
from gridrt.calib.recipe import Recipe
from gridrt.calib.targets import Target
from gridrt.graph.half import to_half

NO_RANGES: Mapping[str, Range] = {}


def apply_recipe(
    model: ModelProto, recipe: Recipe, target: Target, ranges: Mapping[str, Range] = NO_RANGES
) -> ModelProto:
    """A copy of `model` in the precisions of a recipe.

    Args:
        model: a graph of `gridrt export`, in FP32.
        recipe: which nodes run in which precision.
        target: the runtime to write for.
        ranges: of the activations, where the recipe has INT8.

    Raises:
        RecipeError: a pattern of the recipe matches no node.
        GraphError: a weight is too large for its precision.
    """
    rewritten = ModelProto()
    rewritten.CopyFrom(model)
    plan = plan_from_recipe(rewritten.graph, recipe)
    integers = plan.nodes("int8")
    added = to_int8(rewritten, integers, ranges, target) if integers else frozenset[str]()
    if target.has_half:
        to_half(rewritten, plan.nodes("fp16") | integers | added, "fp16")
    target.finish(rewritten)
    return rewritten
