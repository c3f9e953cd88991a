from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from benchmarks.ops.multi_level_roi_align import baseline as baseline_module
from benchmarks.ops.multi_level_roi_align.baseline import roi_align_by_level
from benchmarks.ops.multi_level_roi_align.inputs import pyramid_and_rois
from benchmarks.ops.photograph_boxes import photograph_boxes
from gridrt.ops.roi_align import multi_level_roi_align


def test_without_torchvision_for_the_gpu_the_definition_is_the_baseline_and_says_so() -> None:
    maps, rois = pyramid_and_rois(4, 8, (64, 96))

    (baseline,) = roi_align_by_level((4, 8, 16, 32), 7, [*maps, rois])

    assert "no torchvision here" in baseline.name
    torch.testing.assert_close(baseline.call(), multi_level_roi_align(maps, rois, (4, 8, 16, 32), 7))


def test_level_by_level_gives_what_the_op_gives_with_levels_that_are_known_and_that_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    maps, rois = pyramid_and_rois(12, 8, (256, 320))

    def one_level(feature: Tensor, chosen: Tensor, bins: int, scale: float, *, aligned: bool) -> Tensor:
        assert aligned
        return multi_level_roi_align([feature], chosen, [round(1 / scale)], bins)

    monkeypatch.setattr(baseline_module, "torchvision_ops", lambda: SimpleNamespace(roi_align=one_level))
    known, found = roi_align_by_level((4, 8, 16, 32), 7, [*maps, rois])

    assert (known.is_captured, found.is_captured) == (True, False)
    for baseline in (known, found):
        torch.testing.assert_close(baseline.call(), multi_level_roi_align(maps, rois, (4, 8, 16, 32), 7))


def test_boxes_of_a_photograph_are_proposals_within_it() -> None:
    boxes = photograph_boxes(100)
    assert boxes.shape == (100, 4)
    assert ((boxes[:, 2:] - boxes[:, :2]) > 0).all()
    assert (boxes.amax(0) <= torch.tensor([1344.0, 800, 1344, 800])).all()
