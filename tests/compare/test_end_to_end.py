from __future__ import annotations

import numpy as np
import pytest

from gridrt.compare.end_to_end import end_to_end_difference
from gridrt.types import Detections


def found(*rows: tuple[float, float]) -> Detections:
    """(left edge, score) of boxes of 10 x 10."""
    boxes = np.array([(x, 0, x + 10, 10) for x, _ in rows], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([score for _, score in rows], np.float32), np.zeros(len(rows), np.int32))


def test_matched_and_unmatched_detections_count() -> None:
    difference = end_to_end_difference([found((0, 0.9), (50, 0.9))], [found((5, 0.8))])

    assert difference.detections == 3
    assert difference.unmatched == pytest.approx(1 / 3)
    assert difference.iou_loss == pytest.approx(2 / 3)  # 5 of 15 pixels are shared


def test_a_score_that_falls_below_the_threshold_keeps_its_partner() -> None:
    difference = end_to_end_difference([found((0, 0.31))], [found((0, 0.29))])

    assert (difference.detections, difference.unmatched, difference.iou_loss) == (1, 0, 0)


def test_low_scores_may_be_missing() -> None:
    assert end_to_end_difference([found((0, 0.2))], [found()]).detections == 0
    assert end_to_end_difference([], []).detections == 0


def test_detections_that_are_not_finite_have_no_difference() -> None:
    sound, broken = found((0, 0.9)), found((np.nan, 0.9))

    for one, other in ((sound, broken), (broken, sound)):
        difference = end_to_end_difference([sound, one], [sound, other])
        assert difference.detections > 0
        assert np.isnan([difference.unmatched, difference.iou_loss]).all()
