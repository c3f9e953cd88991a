from __future__ import annotations

import math

import numpy as np
import pytest

from gridrt.compare.differences import Share, differing_detections, differing_proposals, largest, pooled, relative_rms
from gridrt.runtime.stage_runner import ProposalRows
from gridrt.types import RawDetections


def maps(*values: float) -> list[np.ndarray]:
    return [np.array(values, np.float32)]


def proposals(*corners: float) -> ProposalRows:
    """Boxes of 10 x 10, and one unused row."""
    boxes = np.array([[(x, x, x + 10, x + 10) for x in corners] + [(0, 0, 0, 0)]], np.float32)
    return ProposalRows(boxes, np.array([[True] * len(corners) + [False]]))


def detections(*rows: tuple[float, float, int]) -> RawDetections:
    """(corner, score, label) each, and one unused row."""
    table = [(x, x, x + 10, x + 10, score, label) for x, score, label in rows] + [(0, 0, 0, 0, 0, -1)]
    values = np.array([table], np.float32)
    return RawDetections(values[..., :4], values[..., 4], values[..., 5].astype(np.int32))


def test_maps_are_compared_by_rms() -> None:
    assert relative_rms(maps(3, 4), maps(3, 4)) == 0
    assert relative_rms(maps(3, 4), maps(3, 9)) == pytest.approx(1)  # 5 of 5
    assert relative_rms([*maps(3), *maps(4)], [*maps(3), *maps(9)]) == pytest.approx(1)


def test_maps_of_zeros_differ_infinitely_from_others() -> None:
    assert relative_rms(maps(0, 0), maps(0, 0)) == 0
    assert relative_rms(maps(0, 0), maps(0, 1)) == math.inf


def test_maps_of_different_shapes_differ_infinitely() -> None:
    assert relative_rms(maps(1, 2), maps(1, 2, 3)) == math.inf
    assert relative_rms(maps(1), [*maps(1), *maps(1)]) == math.inf


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_of_numbers_that_are_not_finite_there_is_no_difference(value: float) -> None:
    one, other = proposals(1), proposals(value)
    sound, broken = detections((1.0, 0.9, 0)), detections((value, 0.9, 0))

    for differences in (
        (relative_rms(maps(1, 2), maps(1, value)), relative_rms(maps(value), maps(value))),
        (differing_proposals(one, other).rows, differing_proposals(other, one).rows),
        (differing_detections(sound, broken).rows, differing_detections(broken, sound).rows),
    ):
        assert all(map(math.isnan, differences))
    assert math.isnan(pooled([{"a": Share(0, 5)}, {"a": Share(math.nan, 5)}])["a"].rows)


def test_proposals_match_whatever_their_rank() -> None:
    assert differing_proposals(proposals(1, 50, 99), proposals(99.001, 1, 50)) == Share(0, 6)


def test_proposals_count_on_the_side_that_has_them() -> None:
    assert differing_proposals(proposals(1, 50), proposals(1, 50, 99)) == Share(1, 5)
    assert differing_proposals(proposals(1, 50), proposals(1, 50.1)) == Share(2, 4)
    assert differing_proposals(proposals(), proposals(1)) == Share(1, 1)


def test_detections_match_whatever_their_rank() -> None:
    one, other = (1.0, 0.9, 0), (50.0, 0.8, 1)
    assert differing_detections(detections(one, other), detections(other, one)) == Share(0, 2)


@pytest.mark.parametrize("changed", [(1.1, 0.9, 0), (1.0, 0.91, 0), (1.0, 0.9, 1)])
def test_detections_differ_by_box_score_or_label(changed: tuple[float, float, int]) -> None:
    assert differing_detections(detections((1.0, 0.9, 0)), detections(changed)).rows > 0


def test_over_images_the_largest_map_error_and_all_rows_count() -> None:
    assert largest([{"a": 1.0, "b": 5.0}, {"a": 2.0}]) == {"a": 2.0, "b": 5.0}
    assert math.isnan(largest([{"a": 1.0}, {"a": math.nan}])["a"])
    assert pooled([{"a": Share(1, 10)}, {"a": Share(2, 5)}]) == {"a": Share(3, 15)}
