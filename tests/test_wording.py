from __future__ import annotations

import pytest

from gridrt.wording import counted, told_scale


@pytest.mark.parametrize(
    ("count", "noun", "told"),
    [
        (0, "image", "0 images"),
        (1, "image", "1 image"),
        (2, "epoch", "2 epochs"),
        (1, "process", "1 process"),
        (2, "process", "2 processes"),
        (3, "box", "3 boxes"),
    ],
)
def test_a_count_has_its_plural(count: int, noun: str, told: str) -> None:
    assert counted(count, noun) == told


def test_a_scale_is_told_with_its_origin_and_a_guess_with_the_option_that_mends_it() -> None:
    assert told_scale((480, 360), "noted") == "scale 480 x 360 (noted)"
    assert told_scale((480, 360), "as asked") == "scale 480 x 360 (as asked)"
    assert told_scale((1333, 800), "assumed") == "scale 1333 x 800 (assumed, see --scale)"
