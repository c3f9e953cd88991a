from __future__ import annotations

import numpy as np
import pytest

from gridrt.compare.whole import whole_difference
from gridrt.types import Detections


def found(*rows: tuple[float, float]) -> Detections:
    """(left edge, score) of boxes of 10 x 10."""
    boxes = np.array([(x, 0, x + 10, 10) for x, _ in rows], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([score for _, score in rows], np.float32), np.zeros(len(rows), np.int32))


def test_pairs_and_what_is_without_a_partner_are_told() -> None:
    told = whole_difference([found((0, 0.9), (50, 0.9))], [found((5, 0.8))])

    assert told.detections == 3
    assert told.unpaired == pytest.approx(1 / 3)
    assert told.overlap_loss == pytest.approx(2 / 3)  # 5 of 15 pixels are shared


def test_a_score_that_falls_below_the_threshold_keeps_its_partner() -> None:
    told = whole_difference([found((0, 0.31))], [found((0, 0.29))])

    assert (told.detections, told.unpaired, told.overlap_loss) == (1, 0, 0)


def test_low_scores_are_not_missed() -> None:
    assert whole_difference([found((0, 0.2))], [found()]).detections == 0
    assert whole_difference([], []).detections == 0
