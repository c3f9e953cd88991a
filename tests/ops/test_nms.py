"""Non-maximum suppression against the reference, against a loop, and its laws."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gridrt.ops.nms import BLOCK, batched_nms, nms, nms_by_group

Golden = Callable[[str], Mapping[str, np.ndarray]]


def random_boxes(seed: int, count: int, extent: float = 100) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, 2, generator=generator) * extent
    return torch.cat((corners.amin(1), corners.amax(1)), 1), torch.rand(count, generator=generator)


def iou(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of one box with each of the others, in float32; 0/0 stays NaN."""
    low, high = np.maximum(one[:2], others[:, :2]), np.minimum(one[2:], others[:, 2:])
    shared = np.prod(np.maximum(high - low, np.float32(0)), 1)
    with np.errstate(invalid="ignore"):
        return np.asarray(shared / (np.prod(one[2:] - one[:2]) + np.prod(others[:, 2:] - others[:, :2], 1) - shared))


def greedy_loop(boxes: np.ndarray, scores: np.ndarray, threshold: float) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if not (iou(boxes[index], boxes[kept]) > np.float32(threshold)).any():
            kept.append(index)
    return kept


@pytest.mark.parametrize("case", ["nms0", "nms1", "nms2", "nms3"])
def test_survivors_equal_the_reference(golden: Golden, case: str) -> None:
    arrays = golden("unit_nms")
    boxes, scores = torch.from_numpy(arrays[f"{case}_boxes"]), torch.from_numpy(arrays[f"{case}_scores"])
    np.testing.assert_array_equal(nms(boxes, scores, float(arrays[f"{case}_thr"])), arrays[f"{case}_keep"])


def test_an_overlap_equal_to_the_threshold_and_boxes_without_area_survive(golden: Golden) -> None:
    arrays = golden("unit_nms")
    boxes, scores = torch.from_numpy(arrays["nmsx_boxes"]), torch.from_numpy(arrays["nmsx_scores"])
    np.testing.assert_array_equal(nms(boxes, scores, 0.5), arrays["nmsx_keep"])


@pytest.mark.parametrize("case", ["bnms0", "bnms1", "bnms2"])
def test_survivors_by_group_equal_the_reference(golden: Golden, case: str) -> None:
    arrays = golden("unit_nms")
    boxes, scores, groups = (torch.from_numpy(arrays[f"{case}_{part}"]) for part in ("boxes", "scores", "ids"))
    keep = nms_by_group(boxes, scores, groups, float(arrays[f"{case}_thr"]))
    np.testing.assert_array_equal(keep, arrays[f"{case}_keep"])


def test_class_suppression_equals_the_reference(golden: Golden) -> None:
    arrays = golden("unit_nms")
    boxes = torch.from_numpy(arrays["mc_boxes"])
    scores = torch.from_numpy(arrays["mc_logits"]).softmax(-1)[:, :-1]
    groups = torch.zeros(len(boxes), dtype=torch.int32)
    kept_boxes, kept_scores, labels = batched_nms(
        boxes[None], scores[None], groups, iou_threshold=0.3, score_threshold=0.03, max_output=100
    )
    np.testing.assert_array_equal(labels[0], arrays["mc_labels"])
    np.testing.assert_array_equal(kept_boxes[0], arrays["mc_dets"][:, :4])
    np.testing.assert_allclose(kept_scores[0], arrays["mc_dets"][:, 4], rtol=1e-6)


@given(st.integers(0, 2**31), st.integers(0, 60), st.floats(0.05, 0.95))
def test_survivors_equal_a_greedy_loop(seed: int, count: int, threshold: float) -> None:
    boxes, scores = random_boxes(seed, count)
    assert nms(boxes, scores, threshold).tolist() == greedy_loop(boxes.numpy(), scores.numpy(), threshold)


@pytest.mark.parametrize("count", [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5])
def test_blocks_do_not_show(count: int) -> None:
    boxes, scores = random_boxes(count, count, extent=300)
    boxes[:, 2:] = boxes[:, :2] + 12
    assert nms(boxes, scores, 0.3).tolist() == greedy_loop(boxes.numpy(), scores.numpy(), 0.3)


@given(st.integers(0, 2**31))
def test_survivors_all_survive_again(seed: int) -> None:
    boxes, scores = random_boxes(seed, 50)
    keep = nms(boxes, scores, 0.4)
    assert nms(boxes[keep], scores[keep], 0.4).tolist() == list(range(len(keep)))


@given(st.integers(0, 2**31), st.integers(1, 50))
def test_a_limit_takes_the_first_survivors(seed: int, limit: int) -> None:
    boxes, scores = random_boxes(seed, 50)
    assert torch.equal(nms(boxes, scores, 0.4, limit), nms(boxes, scores, 0.4)[:limit])


def test_equal_scores_go_to_the_first_box() -> None:
    boxes = torch.tensor([[0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 10.0, 10.0]])
    assert nms(boxes, torch.tensor([0.5, 0.5]), 0.5).tolist() == [0]


@given(st.integers(0, 2**31))
def test_a_batch_equals_its_images_one_by_one(seed: int) -> None:
    boxes, scores = random_boxes(seed, 60)
    boxes, scores = boxes.view(3, 20, 4), scores.view(3, 10, 2).repeat(1, 2, 1)
    groups = torch.arange(20, dtype=torch.int32) // 10
    settings = {"iou_threshold": 0.3, "score_threshold": 0.4, "max_output": 7}
    together = batched_nms(boxes, scores, groups, **settings)  # type: ignore[arg-type]
    for image in range(3):
        alone = batched_nms(boxes[image : image + 1], scores[image : image + 1], groups, **settings)  # type: ignore[arg-type]
        for whole, part in zip(together, alone, strict=True):
            assert torch.equal(whole[image], part[0])


def test_no_candidates_leave_unused_rows() -> None:
    boxes, scores, groups = batched_nms(
        torch.zeros(1, 4, 4),
        torch.zeros(1, 4, 2),
        torch.zeros(4, dtype=torch.int32),
        iou_threshold=0.3,
        score_threshold=0.03,
        max_output=2,
    )
    assert (boxes.tolist(), scores.tolist(), groups.tolist()) == ([[[0] * 4] * 2], [[0, 0]], [[-1, -1]])
