"""What the proposal network learns from: the reference's samples, and its losses by hand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch

from gridrt.config import AnchorConfig, RPNTrainConfig
from gridrt.model.rpn_loss import AnchorSamples, inside_image, rpn_losses, sample_anchors
from gridrt.ops.anchors import base_anchors, grid_anchors
from gridrt.types import GroundTruth
from tests.reference_training import CASES, ReferenceRandomness, ground_truths

Golden = Callable[[str], Mapping[str, np.ndarray]]

IMAGE_SIZES = torch.tensor([[320, 480], [297, 416]], dtype=torch.int32)


@pytest.fixture(scope="module")
def anchors() -> torch.Tensor:
    """Of a padded image of 320 x 480 pixels."""
    config = AnchorConfig()
    return torch.cat(
        [
            grid_anchors(-(-320 // stride), -(-480 // stride), stride, base_anchors(stride, config))
            for stride in config.strides
        ]
    )


@pytest.mark.parametrize("case", CASES)
def test_sampled_anchors_equal_the_reference(golden: Golden, anchors: torch.Tensor, case: str) -> None:
    arrays = golden(f"train_r50_{case}")
    randomness = ReferenceRandomness(-1)
    for index, truth in enumerate(ground_truths(arrays)):
        drawn = sample_anchors(anchors, IMAGE_SIZES[index], truth, RPNTrainConfig(), randomness)

        # The reference counts only the anchors that lie inside the image.
        inside = inside_image(anchors, IMAGE_SIZES[index])
        place = inside.cumsum(0) - 1
        assert int(inside.sum()) == arrays[f"img{index}_rpn_n_inside"]
        np.testing.assert_array_equal(place[drawn.positive], arrays[f"img{index}_rpn_pos_inds"])
        np.testing.assert_array_equal(place[drawn.negative], arrays[f"img{index}_rpn_neg_inds"])
        objects = arrays[f"img{index}_gt_boxes"][arrays[f"img{index}_rpn_pos_gt"]]
        np.testing.assert_array_equal(drawn.objects, objects)


def test_the_far_border_is_outside_the_near_one_is_not() -> None:
    boxes = torch.tensor([[0.0, 0.0, 9.5, 9.5], [0.0, 0.0, 20.0, 9.5], [0.0, 0.0, 9.5, 10.0], [-0.5, 0.0, 9.5, 9.5]])

    assert inside_image(boxes, torch.tensor([10, 20])).tolist() == [True, False, False, False]


def test_losses_are_sums_over_the_drawn_divided_by_their_number() -> None:
    anchors = torch.tensor([[0.0, 0.0, 10.0, 10.0], [20.0, 0.0, 40.0, 10.0], [0.0, 20.0, 10.0, 40.0]])
    logits = torch.tensor([[0.5, -1.0, 9.0]])
    deltas = torch.tensor([[[0.2, 0.0, 0.0, 0.05], [9.0] * 4, [9.0] * 4]])
    drawn = AnchorSamples(torch.tensor([0]), torch.tensor([1]), torch.tensor([[1.0, 0.0, 11.0, 10.0]]))

    losses = rpn_losses(logits, deltas, anchors, [drawn], RPNTrainConfig())

    objectness = math.log(1 + math.exp(-0.5)) + math.log(1 + math.exp(-1.0))
    # Wanted: a shift by a tenth of the width. The error of 0.1 lies within beta = 1/9, as does that of 0.05.
    box = 0.5 * 9 * (0.1**2 + 0.05**2)
    assert math.isclose(losses["loss_rpn_cls"].item(), objectness / 2, rel_tol=1e-6)
    assert math.isclose(losses["loss_rpn_bbox"].item(), box / 2, rel_tol=1e-5)


def test_an_image_without_objects_teaches_background_alone(anchors: torch.Tensor) -> None:
    nothing = GroundTruth(torch.empty(0, 4), torch.empty(0, dtype=torch.int64))
    logits, deltas = torch.zeros(1, len(anchors)), torch.ones(1, len(anchors), 4)
    drawn = sample_anchors(anchors, IMAGE_SIZES[0], nothing, RPNTrainConfig(), ReferenceRandomness(-1))

    losses = rpn_losses(logits, deltas, anchors, [drawn], RPNTrainConfig())

    assert math.isclose(losses["loss_rpn_cls"].item(), 256 * math.log(2) / 257, rel_tol=1e-6)
    assert losses["loss_rpn_bbox"].item() == 0


def test_an_image_smaller_than_every_anchor_teaches_nothing(anchors: torch.Tensor) -> None:
    truth = GroundTruth(torch.tensor([[1.0, 1.0, 9.0, 9.0]]), torch.tensor([0]))
    logits, deltas = torch.zeros(1, len(anchors)), torch.zeros(1, len(anchors), 4)
    drawn = sample_anchors(anchors, torch.tensor([16, 16]), truth, RPNTrainConfig(), ReferenceRandomness(-1))

    losses = rpn_losses(logits, deltas, anchors, [drawn], RPNTrainConfig())

    assert {name: loss.item() for name, loss in losses.items()} == {"loss_rpn_cls": 0, "loss_rpn_bbox": 0}
