from __future__ import annotations

from gridrt.errors import CheckpointError, GridRTError, NonFiniteError


def test_an_error_is_one_line_of_place_rule_value_and_remedy() -> None:
    error = CheckpointError("weights must be finite", place="r50.pth", value="3 NaN", remedy="Train again.")

    assert str(error) == "r50.pth: weights must be finite (found 3 NaN). Train again."


def test_parts_that_are_not_given_are_left_out() -> None:
    assert str(GridRTError("the file is missing")) == "the file is missing"


def test_a_value_of_zero_is_not_left_out() -> None:
    assert (
        str(GridRTError("must be at least 1", place="--threads", value=0)) == "--threads: must be at least 1 (found 0)"
    )


def test_line_breaks_become_spaces() -> None:
    assert str(GridRTError("two\nlines", value="a\n  b")) == "two lines (found a b)"


def test_a_caller_that_knows_the_path_can_name_it_as_the_place() -> None:
    error = NonFiniteError("boxes must be finite", place="images[0]", value="nan", remedy="Use FP32.").at("a.png")

    assert isinstance(error, NonFiniteError)
    assert str(error) == "a.png: boxes must be finite (found nan). Use FP32."
