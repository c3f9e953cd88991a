from __future__ import annotations

import json
import math

import pytest

from gridrt.compare.differences import Share
from gridrt.compare.table import table, told
from gridrt.compare.tolerances import TOLERANCES, narrowest
from gridrt.compare.verdict import STAGES, Figure, StageResult, first_exceeding, judged
from gridrt.compare.whole import WholeDifference

NOTHING = WholeDifference(0, 0, 0)


def judge(maps: dict[str, float], rows: dict[str, Share]) -> list[StageResult]:
    return judged(0, maps, rows, NOTHING, TOLERANCES["fp32"])


def test_the_first_stage_in_the_order_of_the_detector_is_to_blame() -> None:
    results = judge({"class scores": 1.0, "P4": 1.0}, {"proposals": Share(9, 10)})
    first = first_exceeding(results)

    assert [result.stage for result in results] == list(STAGES)
    assert first is not None
    assert first.stage == "P4"


def test_what_is_within_its_tolerance_does_not_exceed_it() -> None:
    assert first_exceeding(judge({"P4": 1e-5, "input": 0.0}, {"proposals": Share(1, 10)})) is None


@pytest.mark.parametrize("value", [math.inf, math.nan, 0.2])
def test_what_is_no_number_exceeds_every_tolerance(value: float) -> None:
    figure = Figure("error", value, 0.1)

    assert figure.exceeds
    json.loads(json.dumps(figure.to_json(), allow_nan=False))


def test_the_input_is_as_exact_in_every_precision() -> None:
    for allowed in TOLERANCES.values():
        assert judged(0, {"input": 1e-5}, {}, NOTHING, allowed)[1].exceeds


def test_stages_without_rows_are_not_compared() -> None:
    results = judge({}, {"final boxes": Share(0, 0)})

    assert [result.stage for result in results if result.figures] == ["classes"]
    assert table(results).count("not compared") == len(STAGES) - 1


def test_the_table_marks_and_the_sentence_tells_what_differs() -> None:
    results = judged(0, {"P4": 0.5}, {}, WholeDifference(10, 0.3, 0.0), TOLERANCES["int8"])

    assert [line.split()[0] for line in table(results).splitlines() if line.endswith("DIFFERS")] == ["P4", "whole"]
    assert told(results[-1]) == "whole detector: share from 0.3 on without a partner 0.3, at most 0.15"


def test_of_two_precisions_the_one_with_fewer_bits_counts() -> None:
    assert narrowest(("fp32", "fp16")) == "fp16"
    assert narrowest(("int8", "fp16")) == "int8"
    assert narrowest(()) == "fp32"
