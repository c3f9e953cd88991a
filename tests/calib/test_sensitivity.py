"""Rankings and mixtures, with a made-up cost in the place of measurements."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridrt.calib.plan import plan_from_recipe
from gridrt.calib.recipe import PRECISIONS, Recipe, Rule, load_recipe, recipe_text
from gridrt.calib.sensitivity import BlockCost, Loss, block_of, blocks_of, costs, mixture, within, without
from gridrt.runtime.info import Precision
from tests.calib.graphs import residual_model

GRAPH = residual_model().graph
WHOLE = Recipe("int8", "all", (Rule("*", "int8", "fast"),), "int8.toml")
BLOCKS = {"backbone.conv1": 1, "backbone.layer1": 3, "neck.conv": 1, "roi_head.bbox_head.fc_cls": 1}


class Costs:
    """A measurement that adds up what each block costs that a recipe runs in INT8, and keeps count."""

    def __init__(self, drops: Mapping[str, float | None]) -> None:
        self.drops = drops
        self.measured: list[set[str]] = []

    def __call__(self, recipe: Recipe) -> Loss:
        blocks = set(blocks_of(GRAPH, recipe))
        self.measured.append(blocks)
        drops = [self.drops[block] for block in blocks]
        known = [drop for drop in drops if drop is not None]
        return Loss(len(blocks) / 10, sum(known) if len(known) == len(drops) else None)


DROPS = {"backbone.conv1": 0.125, "backbone.layer1": 0.25, "neck.conv": 0.0, "roi_head.bbox_head.fc_cls": 1.0}


@pytest.mark.parametrize(
    ("node", "block"),
    [
        ("backbone.layer1.0.conv1/Conv", "backbone.layer1"),
        ("backbone.conv1/Conv", "backbone.conv1"),
        ("neck.fpn_convs.0.conv/Conv", "neck.fpn_convs"),
        ("rpn_head.rpn_conv/Conv_3", "rpn_head.rpn_conv"),
        ("roi_head.bbox_head.shared_fcs.0/Gemm", "roi_head.bbox_head.shared_fcs.0"),
        ("roi_head.grid_head.convs.7.conv/Conv", "roi_head.grid_head.convs.7"),
    ],
)
def test_a_block_is_a_stage_or_a_layer_of_a_head(node: str, block: str) -> None:
    assert block_of(node) == block


def test_blocks_are_those_that_multiply_in_int8_in_the_order_of_the_graph() -> None:
    assert list(blocks_of(GRAPH, WHOLE).items()) == list(BLOCKS.items())


def test_blocks_that_a_recipe_plans_otherwise_are_none() -> None:
    recipe = Recipe("r", "d", (*WHOLE.rules, Rule("neck*", "fp16", "r")), "p")

    assert "neck.conv" not in blocks_of(GRAPH, recipe)
    assert blocks_of(GRAPH, Recipe("r", "d", (Rule("backbone*", "fp16", "r"),), "p")) == {}


@given(st.sets(st.sampled_from(sorted(BLOCKS))))
def test_without_blocks_the_others_remain(blocks: set[str]) -> None:
    recipe = without(GRAPH, WHOLE, sorted(blocks), "why")

    assert set(blocks_of(GRAPH, recipe)) == BLOCKS.keys() - blocks
    plan = plan_from_recipe(GRAPH, recipe)
    for name in (node.name for node in GRAPH.node):
        expected = "fp16" if block_of(name) in blocks else "int8"
        assert plan.precision(name) is expected


def test_without_a_block_what_a_recipe_says_of_its_parts_still_holds() -> None:
    rules = (*WHOLE.rules, Rule("*.conv1/Conv", "fp32", "I know"))
    recipe = without(GRAPH, Recipe("r", "d", rules, "p"), ["backbone.layer1"], "why")

    plan = plan_from_recipe(GRAPH, recipe)
    assert plan.precision("backbone.layer1.0.conv1/Conv") == "fp32"
    assert plan.precision("backbone.layer1.0/Add") == "fp16"


PATTERNS = (
    *("*", "*/Conv", "backbone*", "backbone.layer1*", "backbone.layer1.0*", "backbone.layer1.0.conv1*"),
    *("backbone.layer1.1*", "*/Add", "neck*", "roi_head.bbox_head*"),
)


@given(
    st.lists(st.tuples(st.sampled_from(PATTERNS), st.sampled_from(PRECISIONS)), min_size=1, max_size=5),
    st.sets(st.sampled_from(sorted(BLOCKS))),
)
def test_of_any_recipe_only_what_it_has_in_int8_in_the_blocks_changes(
    rules: list[tuple[str, Precision]], blocks: set[str]
) -> None:
    recipe = Recipe("r", "d", tuple(Rule(nodes, precision, "r") for nodes, precision in rules), "p")

    before, after = (plan_from_recipe(GRAPH, each) for each in (recipe, without(GRAPH, recipe, sorted(blocks), "why")))

    for node in GRAPH.node:
        was, becomes = before.precision(node.name), after.precision(node.name)
        if block_of(node.name) in blocks and was == "int8":
            assert becomes == "fp16"
        else:
            assert becomes == was


def test_what_fp16_costs_is_not_the_cost_of_a_block() -> None:
    measure = Costs(DROPS)

    def with_fp16(recipe: Recipe) -> Loss:
        loss = measure(recipe)
        return Loss(loss.disagreement + 0.5, (loss.ap_drop or 0.0) + 2.0)

    assert [cost.loss.ap_drop for cost in costs(GRAPH, WHOLE, with_fp16)] == [1.0, 0.25, 0.125, 0.0]


def test_a_block_is_not_one_whose_name_begins_likewise() -> None:
    *_, added = without(GRAPH, WHOLE, ["backbone.layer1"], "why").rules

    assert fnmatchcase("backbone.layer1.0.conv1/Conv", added.nodes)
    assert fnmatchcase("backbone.layer1/Relu", added.nodes)
    assert not fnmatchcase("backbone.layer10.0.conv1/Conv", added.nodes)


def test_each_block_is_measured_alone_and_the_costliest_comes_first() -> None:
    measure = Costs(DROPS)

    ranking = costs(GRAPH, WHOLE, measure)

    assert measure.measured == [set(), *({block} for block in BLOCKS)]
    assert [(cost.block, cost.nodes, cost.loss.ap_drop) for cost in ranking] == [
        ("roi_head.bbox_head.fc_cls", 1, 1.0),
        ("backbone.layer1", 3, 0.25),
        ("backbone.conv1", 1, 0.125),
        ("neck.conv", 1, 0.0),
    ]


def test_without_ap_and_between_equals_disagreement_ranks() -> None:
    losses = [Loss(0.2, None), Loss(0.3, None), Loss(0.9, 0.1), Loss(0.1, 0.5), Loss(0.2, 0.5), Loss(0.3, -0.2)]

    ranked = sorted(losses, key=lambda loss: loss.rank, reverse=True)

    assert [(loss.ap_drop, loss.disagreement) for loss in ranked] == [
        (0.5, 0.2), (0.5, 0.1), (0.1, 0.9), (None, 0.3), (None, 0.2), (-0.2, 0.3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("drop", "budget", "expected"),
    [(0.3, 0.3, True), (0.31, 0.3, False), (-1.0, 0.0, True), (None, 5.0, False), (0.0, None, False)],
)
def test_a_loss_is_within_a_budget_where_both_are_known(
    drop: float | None, budget: float | None, *, expected: bool
) -> None:
    assert within(Loss(0, drop), budget) is expected


def ranking_of(drops: Mapping[str, float | None]) -> list[BlockCost]:
    return costs(GRAPH, WHOLE, Costs(drops))


@pytest.mark.parametrize(
    ("budget", "kept_back"),
    [
        (2.0, ()),
        (1.375, ()),
        (1.3, ("roi_head.bbox_head.fc_cls",)),
        (0.375, ("roi_head.bbox_head.fc_cls",)),
        (0.35, ("roi_head.bbox_head.fc_cls", "backbone.layer1")),
        (0.0, ("roi_head.bbox_head.fc_cls", "backbone.layer1", "backbone.conv1")),
    ],
)
def test_as_few_of_the_costliest_blocks_as_a_budget_needs_are_kept_in_fp16(
    budget: float, kept_back: tuple[str, ...]
) -> None:
    measure = Costs(DROPS)

    found = mixture(GRAPH, WHOLE, Costs(DROPS)(WHOLE), ranking_of(DROPS), measure, budget)

    assert found.kept_back == kept_back
    assert len(measure.measured) == len(kept_back)  # what is known is not measured again
    assert found.loss.ap_drop is not None
    assert found.loss.ap_drop <= budget
    assert set(blocks_of(GRAPH, found.recipe)) == BLOCKS.keys() - set(kept_back)


def test_where_no_mixture_meets_the_budget_all_blocks_are_in_fp16_and_the_loss_tells() -> None:
    found = mixture(GRAPH, WHOLE, Loss(0.1, 5.0), ranking_of(DROPS), lambda _: Loss(0.1, 5.0), 1.0)

    assert set(found.kept_back) == BLOCKS.keys()
    assert blocks_of(GRAPH, found.recipe) == {}
    assert found.loss.ap_drop == 5


def test_the_mixture_is_a_recipe_that_tells_why(tmp_path: Path) -> None:
    found = mixture(GRAPH, WHOLE, Costs(DROPS)(WHOLE), ranking_of(DROPS), Costs(DROPS), 0.35)

    (tmp_path / "mixed.toml").write_text(recipe_text(found.recipe))
    read = load_recipe(tmp_path / "mixed.toml")

    assert read.name == "mixed"
    assert "at most 0.35 points of AP" in read.description
    assert read.rules[0] == WHOLE.rules[0]
    assert [rule.reason for rule in read.rules[1:]] == [
        "alone it costs 1.00 points of AP",
        "alone it costs 0.25 points of AP",
    ]
    assert plan_from_recipe(GRAPH, read).rules == plan_from_recipe(GRAPH, found.recipe).rules
