"""Grid targets against the reference, and cell by cell in a loop."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gridrt.model.grid_targets import grid_targets
from tests.reference_training import CASES, image_count

Golden = Callable[[str], Mapping[str, np.ndarray]]


def targets_loop(roi: list[float], thing: list[float], side: int) -> np.ndarray:
    """Sentence by sentence, for one RoI; numbers that float32 holds exactly, so that Python's arithmetic agrees."""
    width, height = roi[2] - roi[0], roi[3] - roi[1]
    left, top = roi[0] - width / 2, roi[1] - height / 2
    maps = np.zeros((9, side, side))
    if 2 * width <= 3 or 2 * height <= 3:
        return maps
    for point in range(9):
        column, row = point // 3, point % 3
        x = (thing[0], (thing[0] + thing[2]) / 2, thing[2])[column]
        y = (thing[1], (thing[1] + thing[3]) / 2, thing[3])[row]
        cell_x = int((x - left) / (2 * width) * 2 * side)
        cell_y = int((y - top) / (2 * height) * 2 * side)
        whole = np.zeros((2 * side, 2 * side))
        for dx, dy in ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)):
            if 0 <= cell_x + dx < 2 * side and 0 <= cell_y + dy < 2 * side:
                whole[cell_y + dy, cell_x + dx] = 1
        start_x, start_y = column * side // 2, row * side // 2
        maps[point] = whole[start_y : start_y + side, start_x : start_x + side]
    return maps


def boxes(sizes: tuple[float, ...]) -> st.SearchStrategy[list[float]]:
    corner = st.integers(-40, 40).map(lambda quarter: quarter / 4)
    return st.tuples(corner, corner, st.sampled_from(sizes), st.sampled_from(sizes)).map(
        lambda box: [box[0], box[1], box[0] + box[2], box[1] + box[3]]
    )


def test_targets_equal_the_reference(golden: Golden) -> None:
    arrays = golden("unit_grid")

    targets = grid_targets(torch.from_numpy(arrays["gt_pos_boxes"]), torch.from_numpy(arrays["gt_gt_boxes"]), 28)

    np.testing.assert_array_equal(targets, arrays["gt_targets"])


@pytest.mark.parametrize("case", CASES)
def test_targets_of_a_training_step_equal_the_reference(golden: Golden, case: str) -> None:
    arrays = golden(f"train_r50_{case}")
    objects = np.concatenate(
        [arrays[f"img{i}_gt_boxes"][arrays[f"img{i}_rcnn_pos_gt"]] for i in range(image_count(arrays))]
    )
    kept = len(arrays["grid_targets_sum"])

    rois = torch.from_numpy(arrays["grid_pos_boxes_after_jitter"])
    targets = grid_targets(rois[:kept], torch.from_numpy(objects[:kept]), 28)

    np.testing.assert_array_equal(targets[:24], arrays["grid_targets_first"])
    np.testing.assert_array_equal(targets.sum((2, 3)), arrays["grid_targets_sum"])


@given(boxes((1.0, 1.5, 2.0, 4.0, 8.0, 16.0)), boxes((0.5, 3.0, 8.0, 13.0, 30.0)))
def test_targets_equal_a_loop(roi: list[float], thing: list[float]) -> None:
    targets = grid_targets(torch.tensor([roi]), torch.tensor([thing]), 8)

    np.testing.assert_array_equal(targets[0], targets_loop(roi, thing, 8))


@pytest.mark.parametrize(("cells_before", "expected"), [(0.9, [0, 1]), (1.0, [0]), (1.9, [0]), (2.0, [])])
def test_cells_are_truncated_toward_zero(cells_before: float, expected: list[int]) -> None:
    """A point 0.9 cells before the map counts as in cell 0; one 1 to 2 cells before it shows one arm of its cross."""
    roi = torch.tensor([[28.0, 28.0, 84.0, 84.0]])  # extended to 0..112: a cell is 2 pixels
    thing = torch.tensor([[-2 * cells_before, 28.0, 84.0, 84.0]])

    first_point = grid_targets(roi, thing, 28)[0, 0]

    assert first_point[14].nonzero().flatten().tolist() == expected


@pytest.mark.parametrize(("width", "cells"), [(0.0, 0), (1.5, 0), (1.75, 9 * 5)])
def test_a_roi_that_extends_to_at_most_three_pixels_has_empty_heatmaps(width: float, cells: int) -> None:
    roi = torch.tensor([[8.0, 8.0, 8.0 + width, 48.0]])

    assert grid_targets(roi, roi, 28).sum() == cells
