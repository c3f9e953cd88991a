from __future__ import annotations

import torch

from benchmarks.ops.multi_level_roi_align.baseline import roi_align_by_level
from benchmarks.ops.multi_level_roi_align.inputs import pyramid_and_rois
from gridrt.ops.roi_align import multi_level_roi_align


def test_without_torchvision_for_the_gpu_the_definition_is_the_baseline_and_says_so() -> None:
    maps, rois = pyramid_and_rois(4, 8, (64, 96))

    name, call = roi_align_by_level(maps, rois, (4, 8, 16, 32), 7)

    assert "no torchvision here" in name
    torch.testing.assert_close(call(), multi_level_roi_align(maps, rois, (4, 8, 16, 32), 7))
