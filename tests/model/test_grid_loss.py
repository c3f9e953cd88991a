"""Jitter and loss of the grid branch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch

from gridrt.model.grid_loss import grid_loss, jitter
from gridrt.ops.randomness import TorchRandomness
from tests.reference_training import CASES, ReferenceRandomness, image_count

Golden = Callable[[str], Mapping[str, np.ndarray]]

IMAGE_SIZES = torch.tensor([[320, 480], [297, 416]], dtype=torch.int32)


@pytest.mark.parametrize("case", CASES)
def test_jittered_boxes_equal_the_reference(golden: Golden, case: str) -> None:
    arrays = golden(f"train_r50_{case}")
    randomness = ReferenceRandomness(int(arrays["jitter_seed"]))

    jittered = []
    for index in range(image_count(arrays)):
        boxes = np.concatenate((arrays[f"img{index}_gt_boxes"], arrays[f"img{index}_props"]))
        positive = torch.from_numpy(boxes[arrays[f"img{index}_rcnn_pos_inds"]])
        jittered.append(jitter(positive, IMAGE_SIZES[index], 0.15, randomness))

    np.testing.assert_allclose(torch.cat(jittered), arrays["grid_pos_boxes_after_jitter"], atol=1e-4)


def test_jitter_moves_and_resizes_by_at_most_its_amplitude() -> None:
    box = torch.tensor([[200.0, 100.0, 240.0, 180.0]]).repeat(500, 1)

    moved = jitter(box, torch.tensor([400, 400]), 0.15, TorchRandomness(torch.Generator().manual_seed(0)))

    size = moved[:, 2:] - moved[:, :2]
    shift = (moved[:, 2:] + moved[:, :2]) / 2 - torch.tensor([220.0, 140.0])
    relative = torch.cat((shift, size - torch.tensor([40.0, 80.0])), 1) / torch.tensor([40.0, 80.0, 40.0, 80.0])
    assert relative.abs().amax(0).min() > 0.14
    assert relative.abs().max() < 0.1501


def test_jitter_stays_within_the_last_row_and_column() -> None:
    box = torch.tensor([[0.0, 0.0, 50.0, 30.0]])

    assert jitter(box, torch.tensor([30, 50]), 0.15, ReferenceRandomness(-1)).tolist() == [[0, 0, 49, 29]]


def test_both_heatmaps_are_learned_as_mean_binary_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    fused, unfused = torch.randn(2, 3, 9, 4, 4, generator=generator)
    targets = (torch.rand(3, 9, 4, 4, generator=generator) < 0.2).float()

    expected = 0.0
    for logits in (fused, unfused):
        p, t = logits.double().sigmoid().numpy(), targets.numpy()
        expected -= float((t * np.log(p) + (1 - t) * np.log(1 - p)).mean())

    assert math.isclose(grid_loss(fused, unfused, targets).item(), expected, rel_tol=1e-6)


def test_without_rois_there_is_nothing_to_learn() -> None:
    none = torch.empty(0, 9, 4, 4, requires_grad=True)

    loss = grid_loss(none, none, none.detach())
    loss.backward()

    assert loss.item() == 0
    assert none.grad is not None
