from __future__ import annotations

import json
import math

import pytest

from gridrt.compare.differences import Share
from gridrt.compare.end_to_end import EndToEndDifference
from gridrt.compare.table import format_difference, table
from gridrt.compare.tolerances import TOLERANCES
from gridrt.compare.verdict import CHECKS, COMPARED, Figure, StageResult, judged
from gridrt.stages import STAGES

NOTHING = EndToEndDifference(0, 0, 0)


def judge(maps: dict[str, float], rows: dict[str, Share]) -> list[StageResult]:
    return judged(0, maps, rows, NOTHING, TOLERANCES["fp32"])


def exceeding(results: list[StageResult]) -> list[str]:
    return [result.stage for result in results if result.exceeds]


def test_stages_are_judged_in_the_order_of_the_detector() -> None:
    results = judge({"class scores": 1.0, "P4": 1.0}, {"proposals": Share(9, 10)})

    assert [result.stage for result in results] == list(CHECKS)
    assert exceeding(results) == ["fpn", "proposals", "box_head"]
    assert sorted(COMPARED, key=STAGES.index) == list(COMPARED)


def test_a_difference_within_its_tolerance_does_not_exceed_it() -> None:
    assert exceeding(judge({"P4": 1e-5, "normalised image": 0.0}, {"proposals": Share(1, 10)})) == []


@pytest.mark.parametrize("value", [math.inf, math.nan, 0.2])
def test_a_value_that_is_not_a_number_exceeds_every_tolerance(value: float) -> None:
    figure = Figure("error", value, 0.1)

    assert figure.exceeds
    json.loads(json.dumps(figure.to_json(), allow_nan=False))


def test_what_is_not_finite_is_said_so() -> None:
    results = judge({"P4": math.nan}, {"boxes": Share(math.nan, 4)})

    assert exceeding(results) == ["fpn", "decode"]
    assert [line.split()[0] for line in table(results).splitlines() if "not finite" in line] == ["fpn", "decode"]
    assert "not finite" in format_difference(next(result for result in results if result.exceeds))
    assert "nan" not in table(results)


def test_the_input_is_as_exact_in_every_precision() -> None:
    for allowed in TOLERANCES.values():
        assert exceeding(judged(0, {"normalised image": 1e-5}, {}, NOTHING, allowed)) == ["input"]


def test_stages_without_rows_are_not_compared() -> None:
    results = judge({}, {"boxes": Share(0, 0)})

    assert [result.stage for result in results if result.figures] == ["classes"]
    assert table(results).count("not compared") == len(CHECKS) - 1


def test_the_table_marks_differences_and_the_sentence_names_one() -> None:
    results = judged(0, {"P4": 0.5}, {}, EndToEndDifference(10, 0.3, 0.0), TOLERANCES["int8"])

    assert [line.split()[0] for line in table(results).splitlines() if line.endswith("DIFFERS")] == ["fpn", "end"]
    assert format_difference(results[-1]) == '"end to end": unmatched share at scores from 0.3 0.3 (0.15 allowed)'
