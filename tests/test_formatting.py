from __future__ import annotations

import pytest

from gridrt.formatting import format_count, format_noted_scale, format_scale_with_origin


@pytest.mark.parametrize(
    ("count", "noun", "expected"),
    [
        (0, "image", "0 images"),
        (1, "image", "1 image"),
        (2, "epoch", "2 epochs"),
        (1, "process", "1 process"),
        (2, "process", "2 processes"),
        (3, "box", "3 boxes"),
    ],
)
def test_a_count_takes_the_singular_or_the_plural_of_its_noun(count: int, noun: str, expected: str) -> None:
    assert format_count(count, noun) == expected


def test_a_scale_comes_with_its_origin_and_an_assumed_one_names_the_option_that_sets_it() -> None:
    assert format_scale_with_origin((480, 360), "noted") == "scale 480 x 360 (noted)"
    assert format_scale_with_origin((480, 360), "as asked") == "scale 480 x 360 (as asked)"
    assert format_scale_with_origin((1333, 800), "assumed") == "scale 1333 x 800 (assumed, see --scale)"


def test_a_file_that_notes_no_scale_is_run_at_the_default() -> None:
    assert format_noted_scale((480, 360)) == "480 x 360"
    assert format_noted_scale(None) == "none noted, 1333 x 800 is assumed"
