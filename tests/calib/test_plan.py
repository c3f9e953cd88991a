from __future__ import annotations

import onnx.helper
import pytest

from gridrt.calib.plan import nearest_names, plan_from_recipe
from gridrt.calib.recipe import Recipe, RecipeError, Rule
from gridrt.runtime.info import Precision
from tests.calib.graphs import residual_model

GRAPH = residual_model().graph


def recipe_of(*rules: tuple[str, Precision]) -> Recipe:
    return Recipe("own", "d", tuple(Rule(nodes, precision, "r") for nodes, precision in rules), "own.toml")


def test_the_last_rule_that_matches_a_node_decides() -> None:
    plan = plan_from_recipe(
        GRAPH, recipe_of(("backbone*", "int8"), ("backbone.layer1*", "fp32"), ("*.conv1/Conv", "fp16"))
    )

    assert plan.precision("backbone/Relu") == "int8"
    assert plan.precision("backbone.layer1.0/Add") == "fp32"
    assert plan.precision("backbone.layer1.0.conv1/Conv") == "fp16"
    assert plan.precision("backbone.conv1/Conv") == "fp16"


def test_a_node_that_no_rule_matches_stays_in_fp32() -> None:
    plan = plan_from_recipe(GRAPH, recipe_of(("backbone*", "int8")))

    assert plan.precision("Sigmoid") == "fp32"
    assert "Sigmoid" not in plan.nodes("fp32")  # those that a rule plans so


def test_the_nodes_of_a_precision_are_those_that_rules_leave_in_it() -> None:
    plan = plan_from_recipe(GRAPH, recipe_of(("*/Conv", "int8"), ("neck*", "fp16")))

    assert plan.nodes("fp16") == {"neck.conv/Conv", "neck/ReduceMax"}
    assert plan.nodes("int8") == {
        "backbone.conv1/Conv",
        "backbone.layer1.0.conv1/Conv",
        "backbone.layer1.0.downsample.0/Conv",
        "backbone.layer1.1.conv1/Conv",
    }
    assert plan.nodes("fp32") == frozenset()


def test_patterns_have_wildcards_and_tell_capitals_from_small_letters() -> None:
    assert plan_from_recipe(GRAPH, recipe_of(("backbone.layer1.[01].conv?/Conv", "fp16"))).nodes("fp16") == {
        "backbone.layer1.0.conv1/Conv",
        "backbone.layer1.1.conv1/Conv",
    }
    with pytest.raises(RecipeError):
        plan_from_recipe(GRAPH, recipe_of(("BACKBONE*", "fp16")))


@pytest.mark.parametrize(
    ("pattern", "near"),
    [
        ("backbone.layer2*", "backbone.layer1"),
        ("bakcbone*", "backbone"),
        ("rio_head.bbox_head*", "roi_head.bbox_head"),
        ("sigmoid", "Sigmoid"),
        ("backbone.layer1.0.conv2/Conv", "backbone.layer1.0.conv1/Conv"),
    ],
)
def test_a_pattern_that_matches_nothing_is_an_error_that_tells_its_place_and_the_nearest_names(
    pattern: str, near: str
) -> None:
    recipe = recipe_of(("backbone*", "int8"), (pattern, "fp16"))

    with pytest.raises(RecipeError) as caught:
        plan_from_recipe(GRAPH, recipe)
    assert (caught.value.place, caught.value.value) == ("own.toml: rules[1].nodes", repr(pattern))

    assert near in caught.value.remedy.removeprefix("Near it: ").removesuffix(".").split(", ")


@pytest.mark.parametrize(
    ("pattern", "precision", "found"),
    [
        ("backbone/Relu", "int8", "Relu"),
        ("neck/ReduceMax", "int8", "ReduceMax"),
        ("roi_head.decode*", "fp16", "Floor"),
    ],
)
def test_a_precision_that_no_matched_node_can_have_is_an_error(pattern: str, precision: Precision, found: str) -> None:
    graph = residual_model().graph
    graph.node.append(onnx.helper.make_node("Floor", ["scores"], ["whole"], name="roi_head.decode/Floor"))

    with pytest.raises(RecipeError, match=precision) as caught:
        plan_from_recipe(graph, recipe_of((pattern, precision)))
    assert (caught.value.place, caught.value.value) == (
        "own.toml: rules[0].nodes",
        f"{pattern!r}, which matches {found}",
    )
    assert plan_from_recipe(graph, recipe_of((pattern, "fp32"))).rules
    assert plan_from_recipe(graph, recipe_of(("*", precision))).rules  # some of all can


def test_the_nearest_are_three_also_where_nothing_is_near() -> None:
    assert len(nearest_names("zzzzzz", [node.name for node in GRAPH.node])) == 3
