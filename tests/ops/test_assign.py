"""Assignment against the reference, and against its definition written as a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gridrt.config import AssignConfig, RoITrainConfig, RPNTrainConfig
from gridrt.ops.assign import BACKGROUND, IGNORED, assign

Golden = Callable[[str], Mapping[str, np.ndarray]]
Box = tuple[int, int, int, int]

# Overlaps of the boxes below meet these limits exactly.
WIDE_GAP = AssignConfig(positive_iou=0.5, negative_iou=0.25, best_match_iou=0.125)

# Few places and sizes, so that boxes coincide and overlaps tie.
boxes = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(1, 3), st.integers(1, 3)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)


def iou(one: Box, other: Box) -> np.float32:
    width = max(0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0, min(one[3], other[3]) - max(one[1], other[1]))
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    ratio: np.float32 = np.float32(width * height) / np.float32(area - width * height)
    return ratio


def assign_loop(priors: Sequence[Box], objects: Sequence[Box], config: AssignConfig) -> list[int]:
    overlaps = [[iou(prior, thing) for thing in objects] for prior in priors]
    assigned = []
    for row in overlaps:
        if max(row) >= np.float32(config.positive_iou):
            assigned.append(row.index(max(row)))
        else:
            assigned.append(BACKGROUND if max(row) < np.float32(config.negative_iou) else IGNORED)
    for index in range(len(objects)):
        best = max(row[index] for row in overlaps)
        for prior, row in enumerate(overlaps):
            if best >= np.float32(config.best_match_iou) and row[index] == best:
                assigned[prior] = index
    return assigned


@pytest.mark.parametrize(("stage", "config"), [("rpn", RPNTrainConfig().assign), ("rcnn", RoITrainConfig().assign)])
def test_assignment_equals_the_reference(golden: Golden, stage: str, config: AssignConfig) -> None:
    arrays = golden("unit_anchor_coder_assign")

    assigned = assign(torch.from_numpy(arrays["asg_priors"]), torch.from_numpy(arrays["asg_gt"]), config)

    # The reference counts objects from 1, with 0 for background and -1 for what is ignored.
    np.testing.assert_array_equal(assigned + 1, arrays[f"asg_{stage}_gt_inds"])


@given(st.lists(boxes, min_size=1, max_size=12), st.lists(boxes, min_size=1, max_size=5))
def test_assignment_equals_a_loop(priors: list[Box], objects: list[Box]) -> None:
    assigned = assign(torch.tensor(priors).float(), torch.tensor(objects).float(), WIDE_GAP)

    assert assigned.tolist() == assign_loop(priors, objects, WIDE_GAP)


def test_of_two_objects_in_one_place_the_later_takes_the_box() -> None:
    place = torch.tensor([[0.0, 0.0, 4.0, 4.0]])

    assert assign(place, place.repeat(2, 1), WIDE_GAP).tolist() == [1]


def test_an_object_takes_its_best_box_even_from_one_that_overlaps_it_more() -> None:
    box = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    objects = torch.tensor([[0.0, 0.0, 10.0, 6.0], [0.0, 0.0, 10.0, 9.0], [0.0, 0.0, 10.0, 5.0]])

    # All three have it for their best; the first and the last have less of it than the second.
    assert assign(box, objects, RoITrainConfig().assign).tolist() == [2]


def test_without_objects_everything_is_background() -> None:
    assert assign(torch.rand(3, 4), torch.empty(0, 4), WIDE_GAP).tolist() == [BACKGROUND] * 3


def test_no_boxes_are_assigned_to_nothing() -> None:
    assert assign(torch.empty(0, 4), torch.rand(2, 4), WIDE_GAP).tolist() == []
