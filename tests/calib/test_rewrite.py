from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto

from gridrt.calib.affine import Range
from gridrt.calib.recipe import Recipe, RecipeError, Rule
from gridrt.calib.rewrite import apply_recipe
from gridrt.calib.targets import TARGETS
from gridrt.runtime.info import Precision
from tests.calib.graphs import node_of, random_input, ranges_of_run, residual_model, run, types_of, weights_of

HALF = TensorProto.FLOAT16
X = random_input(images=64)
MODEL = residual_model()
RANGES = ranges_of_run(MODEL, {"x": X})
COARSE_RANGES = {name: Range(8 * each.low, 8 * each.high) for name, each in RANGES.items()}


def recipe_of(*rules: tuple[str, Precision]) -> Recipe:
    return Recipe("own", "d", tuple(Rule(nodes, precision, "r") for nodes, precision in rules), "own.toml")


MIXED = recipe_of(("backbone*", "int8"), ("neck*", "fp16"), ("roi_head*", "fp16"))


def assert_errors_of_integers(target: str) -> None:
    """They are at most half of those of steps eight times as wide; the weights' steps, which stay, add to an eighth.

    Without fusion: on processors without VNNI fused nodes overflow.
    """
    (exact,) = run(MODEL, {"x": X})
    fine, coarse = (
        np.abs(run(apply_recipe(MODEL, MIXED, TARGETS[target], each), {"x": X}, optimized=False)[0] - exact).mean()
        for each in (RANGES, COARSE_RANGES)
    )
    assert 0 < fine < coarse / 2


def test_the_graph_itself_stays_as_it_is() -> None:
    before = MODEL.SerializeToString()

    rewritten = apply_recipe(MODEL, MIXED, TARGETS["tensorrt"], RANGES)

    assert MODEL.SerializeToString() == before
    assert rewritten.SerializeToString() != before


def test_for_tensorrt_int8_lies_within_fp16_within_fp32() -> None:
    rewritten = apply_recipe(MODEL, MIXED, TARGETS["tensorrt"], RANGES)

    onnx.checker.check_model(rewritten, full_check=True)
    types = types_of(rewritten)
    for node in rewritten.graph.node:
        if node.op_type in ("QuantizeLinear", "DequantizeLinear", "Conv", "Gemm", "Relu", "Add"):
            assert {types[name] for name in (*node.input, *node.output)} <= {HALF, TensorProto.INT8}
    assert types["scores"] == types[node_of(rewritten, "Sigmoid").input[0]] == TensorProto.FLOAT
    assert_errors_of_integers("tensorrt")


def test_for_a_cpu_what_is_planned_in_fp16_stays_in_fp32() -> None:
    rewritten = apply_recipe(MODEL, MIXED, TARGETS["cpu"], RANGES)

    assert HALF not in types_of(rewritten).values()
    assert weights_of(rewritten)["neck_weight"].dtype == np.float32
    assert weights_of(rewritten)["main_weight/int8"].dtype == np.int8
    assert_errors_of_integers("cpu")


def test_without_int8_no_ranges_are_needed_and_a_cpu_has_nothing_to_do() -> None:
    recipe = recipe_of(("*", "fp16"))

    assert apply_recipe(MODEL, recipe, TARGETS["cpu"]) == MODEL
    assert HALF in types_of(apply_recipe(MODEL, recipe, TARGETS["tensorrt"])).values()


def test_nodes_in_int8_without_an_integer_form_run_in_half() -> None:
    rewritten = apply_recipe(MODEL, recipe_of(("backbone.pool*", "int8")), TARGETS["tensorrt"], RANGES)

    assert types_of(rewritten)[node_of(rewritten, "backbone.pool/MaxPool").output[0]] == HALF
    assert {node.op_type for node in rewritten.graph.node} & {"QuantizeLinear", "DequantizeLinear"} == set()


def test_a_recipe_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RecipeError) as caught:
        apply_recipe(MODEL, recipe_of(("rpn_head*", "fp16")), TARGETS["tensorrt"])
    assert (caught.value.place, caught.value.value) == ("own.toml: rules[0].nodes", "'rpn_head*'")
