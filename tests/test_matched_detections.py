"""Two sets of detections of one image, matched."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask

from gridrt.matched_detections import match_detections
from gridrt.types import Detections


def found(
    boxes: Sequence[Sequence[float]], scores: list[float] | None = None, labels: list[int] | None = None
) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores or np.linspace(0.9, 0.5, len(boxes)), np.float32),
        np.array(labels or [0] * len(boxes), np.int32),
    )


def test_swapped_rows_are_the_same_detections() -> None:
    reference = found([[0, 0, 10, 10], [50, 50, 90, 80]], [0.8, 0.7])
    swapped = found([[50, 50, 90, 80], [0, 0, 10, 10]], [0.7, 0.8])

    result = match_detections(reference, swapped)

    assert (result.matched, result.missing, result.extra) == (2, 0, 0)
    assert result.box_errors.tolist() == result.score_errors.tolist() == [0, 0]
    assert result.overlaps.tolist() == [1, 1]


def test_pairs_are_told_by_their_rows() -> None:
    reference = found([[0, 0, 10, 10], [50, 50, 90, 80], [200, 0, 210, 10]])
    other = found([[300, 0, 310, 10], [51, 50, 90, 80], [0, 0, 10, 10]])

    assert list(match_detections(reference, other).pairs) == [(0, 2), (1, 1)]


def test_each_is_paired_with_the_nearest_of_its_label() -> None:
    reference = found([[0, 0, 10, 10], [0, 0, 10, 10]], labels=[0, 1])
    other = found([[3, 0, 13, 10], [1, 0, 11, 10], [4, 0, 14, 10]], labels=[0, 0, 1])

    result = match_detections(reference, other)

    assert (result.missing, result.extra) == (0, 1)
    assert sorted(result.box_errors.tolist()) == [1, 4]


def test_half_the_longer_side_away_is_still_the_same_object() -> None:
    reference = found([[0, 0, 20, 10]])

    assert match_detections(reference, found([[10, 0, 30, 10]])).matched == 1
    assert match_detections(reference, found([[10.1, 0, 30, 10]])).matched == 0
    assert match_detections(reference, found([[0, 0, 20, 10]], labels=[1])).missing == 1


@pytest.mark.parametrize(
    ("box", "other", "overlap"),
    [
        ([0, 0, 10, 10], [0, 0, 10, 10], 1),
        ([0, 0, 10, 10], [5, 0, 15, 10], 1 / 3),
        ([0, 0, 10, 10], [2, 2, 8, 8], 0.36),
        ([0, 0, 10, 10], [0, 0, 10, 5], 0.5),
        ([0, 0, 10, 2], [0, 2, 10, 4], 0),  # they touch
        ([5, 0, 5, 10], [5, 0, 5, 10], 1),  # without area, and the same
        ([5, 0, 5, 10], [3, 0, 7, 10], 0),
    ],
)
def test_overlaps_are_intersection_over_union(box: list[float], other: list[float], overlap: float) -> None:
    result = match_detections(found([box]), found([other]))

    assert result.overlaps == pytest.approx([overlap], abs=1e-6)


@given(st.lists(st.tuples(*[st.integers(0, 20)] * 2, *[st.integers(1, 20)] * 2), min_size=1, max_size=8), st.data())
def test_overlaps_are_those_of_pycocotools(corners: list[tuple[int, int, int, int]], data: st.DataObject) -> None:
    """Boxes far apart, of labels of their own, so that it is known who belongs to whom."""
    boxes = [[x + 1000 * at, y, x + w + 1000 * at, y + h] for at, (x, y, w, h) in enumerate(corners)]
    shifts = data.draw(st.lists(st.integers(0, 3), min_size=len(boxes), max_size=len(boxes)))
    others = [[x1 + shift, y1, x2 + shift, y2] for (x1, y1, x2, y2), shift in zip(boxes, shifts, strict=True)]
    labels = list(range(len(boxes)))

    result = match_detections(found(boxes, labels=labels), found(others, labels=labels))

    kept = [at for at, (box, shift) in enumerate(zip(boxes, shifts, strict=True)) if 2 * shift <= longer_side(box)]
    expected = mask.iou(xywh(boxes), xywh(others), [0] * len(others)).diagonal()[kept]
    assert sorted(result.overlaps.tolist()) == pytest.approx(sorted(expected), abs=1e-6)
    assert result.missing == result.extra == len(boxes) - len(kept)


def longer_side(box: list[int]) -> int:
    return max(box[2] - box[0], box[3] - box[1])


def xywh(boxes: list[list[int]]) -> npt.NDArray[np.float64]:
    table = np.array(boxes, np.float64)
    table[:, 2:] -= table[:, :2]
    return table


def test_nothing_agrees_with_nothing() -> None:
    nothing = found([])

    result = match_detections(nothing, nothing)

    assert (result.matched, result.missing, result.extra, len(result.overlaps)) == (0, 0, 0, 0)
    assert match_detections(nothing, found([[0, 0, 1, 1]])).extra == 1
    assert match_detections(found([[0, 0, 1, 1]]), nothing).missing == 1


def test_missing_extra_and_too_far_are_outside_the_tolerances() -> None:
    reference = found([[0, 0, 10, 10], [100, 0, 110, 10], [200, 0, 210, 10]], [0.9, 0.8, 0.7])
    other = found([[1, 0, 11, 10], [100, 0, 110, 10], [300, 0, 310, 10]], [0.9, 0.6, 0.7])

    result = match_detections(reference, other)

    assert result.outside(box_tolerance=2, score_tolerance=0.3) == 2  # one missing, one extra
    assert result.outside(box_tolerance=0.5, score_tolerance=0.3) == 3
    assert result.outside(box_tolerance=0.5, score_tolerance=0.1) == 4
