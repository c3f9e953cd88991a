"""What the second stage learns from: the reference's samples, and its class loss by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch

from gridrt.config import RoITrainConfig
from gridrt.model.roi_loss import RoISamples, class_loss, sample_rois
from gridrt.types import GroundTruth
from tests.reference_training import CASES, ReferenceRandomness, ground_truths

Golden = Callable[[str], Mapping[str, np.ndarray]]


@pytest.mark.parametrize("case", CASES)
def test_sampled_rois_equal_the_reference(golden: Golden, case: str) -> None:
    arrays = golden(f"train_r50_{case}")
    for index, truth in enumerate(ground_truths(arrays)):
        proposals = arrays[f"img{index}_props"]

        drawn = sample_rois(torch.from_numpy(proposals), truth, RoITrainConfig(), ReferenceRandomness(-1))

        boxes = np.concatenate((truth.boxes, proposals))
        objects = arrays[f"img{index}_rcnn_pos_gt"]
        np.testing.assert_array_equal(drawn.positive, boxes[arrays[f"img{index}_rcnn_pos_inds"]])
        np.testing.assert_array_equal(drawn.negative, boxes[arrays[f"img{index}_rcnn_neg_inds"]])
        np.testing.assert_array_equal(drawn.objects, arrays[f"img{index}_gt_boxes"][objects])
        np.testing.assert_array_equal(drawn.labels, arrays[f"img{index}_gt_labels"][objects])


def test_without_proposals_the_true_boxes_are_learned_from() -> None:
    truth = GroundTruth(torch.tensor([[1.0, 2.0, 30.0, 40.0]]), torch.tensor([7]))

    drawn = sample_rois(torch.empty(0, 4), truth, RoITrainConfig(), ReferenceRandomness(-1))

    assert drawn.positive.tolist() == drawn.objects.tolist() == [[1, 2, 30, 40]]
    assert (drawn.labels.tolist(), len(drawn.negative)) == ([7], 0)


def test_each_true_box_stands_for_its_own_object_even_where_two_share_a_place() -> None:
    truth = GroundTruth(torch.tensor([[1.0, 2.0, 30.0, 40.0]]).repeat(2, 1), torch.tensor([7, 9]))

    drawn = sample_rois(torch.empty(0, 4), truth, RoITrainConfig(), ReferenceRandomness(-1))

    assert drawn.labels.tolist() == [7, 9]


def test_background_is_the_last_class_and_every_roi_counts_the_same() -> None:
    def image(labels: list[int], background: int) -> RoISamples:
        positive = torch.zeros(len(labels), 4)
        return RoISamples(positive, torch.zeros(background, 4), positive, torch.tensor(labels, dtype=torch.int64))

    logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 3.0, 0.0], [0.0, 0.0, 5.0]])

    loss = class_loss(logits, [image([0], 1), image([1], 1)])

    expected = sum(math.log(math.exp(true) + 2) - true for true in (2.0, 1.0, 3.0, 5.0)) / 4
    assert math.isclose(loss.item(), expected, rel_tol=1e-6)


def test_without_rois_there_is_nothing_to_learn() -> None:
    boxes = torch.empty(0, 4)
    none = RoISamples(boxes, boxes, boxes, torch.empty(0, dtype=torch.int64))

    assert class_loss(torch.empty(0, 3), [none]).item() == 0
