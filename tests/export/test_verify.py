from __future__ import annotations

import numpy as np
import pytest

from gridrt.errors import VerificationError
from gridrt.export.verify import BOX_TOLERANCE, box_tolerance_in, verify_detections
from gridrt.types import Detections


def detections(count: int) -> Detections:
    """Boxes of 20 px in a row."""
    corner = np.arange(count, dtype=np.float32)[:, None] * 30
    boxes = np.concatenate((corner, corner, corner + 20, corner + 20), 1)
    return Detections(boxes, np.linspace(0.9, 0.1, count, dtype=np.float32), np.zeros(count, np.int32))


def moved(found: Detections, pixels: float) -> Detections:
    """With the first box a little to the right and down."""
    boxes = found.boxes.copy()
    boxes[0] += pixels
    return Detections(boxes, found.scores, found.labels)


def test_differences_within_the_tolerances_agree() -> None:
    reference = detections(10)
    scores = reference.scores.copy()
    scores[3] += 1e-4
    other = Detections(moved(reference, 0.005).boxes, scores, reference.labels)

    found = verify_detections(reference, other, box_tolerance=0.01)

    assert (found.agreeing, found.detections, found.missing, found.extra) == (10, 10, 0, 0)
    assert found.box_error == pytest.approx(0.005, rel=1e-3)
    assert found.score_error == pytest.approx(1e-4, rel=1e-2)
    assert str(found) == "verified: 10 of 10 detections agree within 0.01 px and 2e-04 in score"


def test_one_difference_among_many_is_excused_and_stated_beside_those_that_agree() -> None:
    found = verify_detections(detections(50), moved(detections(50), 1.8), box_tolerance=0.01)

    assert (found.agreeing, found.detections) == (49, 50)
    assert str(found).startswith("verified: 49 of 50 detections agree within 0.01 px")
    assert "up to 1.8 px" in str(found)


@pytest.mark.parametrize("lacking", ["missing", "extra"])
def test_a_detection_that_one_side_lacks_is_excused_and_stated(lacking: str) -> None:
    everything = detections(50)
    fewer = Detections(everything.boxes[1:], everything.scores[1:], everything.labels[1:])
    sides = (everything, fewer) if lacking == "missing" else (fewer, everything)

    found = verify_detections(*sides, box_tolerance=0.01)

    assert (found.agreeing, found.detections, found.missing + found.extra) == (49, 50, 1)
    assert str(found).endswith(f", 1 {lacking}")


@pytest.mark.parametrize(
    ("pixels", "told"),
    [(0.02, "1 of 9 detections outside, 0 missing, 0 extra"), (15, "2 of 9 detections outside, 1 missing, 1 extra")],
)
def test_more_than_that_is_an_error(pixels: float, told: str) -> None:
    with pytest.raises(VerificationError) as caught:
        verify_detections(detections(9), moved(detections(9), pixels), box_tolerance=0.01, remedy="Do this.")
    assert caught.value.value == told

    assert str(caught.value).endswith(". Do this.")


def test_detections_where_the_model_has_none_are_an_error() -> None:
    with pytest.raises(VerificationError) as caught:
        verify_detections(detections(0), detections(1), box_tolerance=0.01)
    assert caught.value.value == "1 of 0 detections outside, 0 missing, 1 extra"


def test_nothing_on_both_sides_is_agreement() -> None:
    assert "neither side" in str(verify_detections(detections(0), detections(0), box_tolerance=0.01))


def test_the_tolerance_is_in_pixels_of_the_resized_picture() -> None:
    large = np.zeros((3000, 4000, 3), np.uint8)

    assert box_tolerance_in(large, (400, 300)) == pytest.approx(10 * BOX_TOLERANCE)
