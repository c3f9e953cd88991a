from __future__ import annotations

from gridrt.errors import CheckpointError, GridRTError


def test_an_error_tells_place_rule_value_and_remedy_in_one_line() -> None:
    error = CheckpointError("weights are finite", place="r50.pth", value="3 NaN", remedy="Train again.")

    assert str(error) == "r50.pth: weights are finite (found 3 NaN). Train again."


def test_what_is_not_known_is_left_out() -> None:
    assert str(GridRTError("an image has three channels")) == "an image has three channels"


def test_a_value_that_is_false_is_still_told() -> None:
    assert str(GridRTError("at least 1", place="--threads", value=0)) == "--threads: at least 1 (found 0)"


def test_line_breaks_become_spaces() -> None:
    assert str(GridRTError("two\nlines", value="a\n  b")) == "two lines (found a b)"
