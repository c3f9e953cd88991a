"""RoIAlign against the reference, forward and backward, against a loop, and its laws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gridrt.ops.roi_align import multi_level_roi_align, roi_align, roi_levels

Golden = Callable[[str], Mapping[str, np.ndarray]]

coordinates = st.floats(-40, 120, width=32)


def bilinear(plane: np.ndarray, y: float, x: float) -> np.ndarray:
    """One sample of a [C, H, W] map; nothing beyond a cell outside."""
    height, width = plane.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(len(plane))
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, across = y - top, x - left
    upper = plane[:, top, left] * (1 - across) + plane[:, top, right] * across
    lower = plane[:, bottom, left] * (1 - across) + plane[:, bottom, right] * across
    return np.asarray(upper * (1 - down) + lower * down)


def loop_align(feature: np.ndarray, roi: np.ndarray, scale: float, bins: int) -> np.ndarray:
    """Four nested loops over bins and samples, in float64: [C, bins, bins]."""
    plane = feature[int(roi[0])].astype(np.float64)
    x1, y1, x2, y2 = (float(np.float32(side * np.float32(scale)) - np.float32(0.5)) for side in roi[1:])
    bin_w, bin_h = np.float32(np.float32(x2 - x1) / bins), np.float32(np.float32(y2 - y1) / bins)
    across, down = max(math.ceil(bin_w), 0), max(math.ceil(bin_h), 0)
    pooled = np.zeros((len(plane), bins, bins))
    for p in range(bins):
        for q in range(bins):
            for i in range(down):
                for j in range(across):
                    y, x = y1 + (p + (i + 0.5) / down) * bin_h, x1 + (q + (j + 0.5) / across) * bin_w
                    pooled[:, p, q] += bilinear(plane, y, x) / (down * across)
    return pooled


@pytest.mark.parametrize("case", range(4))
def test_pooling_and_its_gradient_equal_the_reference(golden: Golden, case: int) -> None:
    arrays = golden("unit_roialign")
    stride, size = (int(number) for number in arrays[f"ra{case}_cfg"])
    feature = torch.from_numpy(arrays["ra_feat"]).requires_grad_()
    pooled = roi_align(feature, torch.from_numpy(arrays[f"ra{case}_rois"]), 1 / stride, size)
    pooled.backward(torch.from_numpy(arrays[f"ra{case}_gradout"]))
    np.testing.assert_allclose(pooled.detach(), arrays[f"ra{case}_out"], atol=2e-6)
    assert feature.grad is not None
    np.testing.assert_allclose(feature.grad, arrays[f"ra{case}_gradin"], atol=2e-5)


def test_levels_equal_the_reference(golden: Golden) -> None:
    arrays = golden("unit_roialign")
    np.testing.assert_array_equal(roi_levels(torch.from_numpy(arrays["lvl_rois"])[:, 1:], 4), arrays["lvl_out"])


@given(st.lists(st.tuples(coordinates, coordinates, coordinates, coordinates), min_size=1, max_size=4))
def test_pooling_equals_a_loop(boxes: list[tuple[float, ...]]) -> None:
    feature = torch.randn(1, 2, 9, 13, generator=torch.Generator().manual_seed(0))
    rois = torch.tensor([[0, *box] for box in boxes])
    expected = [loop_align(feature.numpy(), roi, 1 / 4, 3) for roi in rois.numpy()]
    np.testing.assert_allclose(roi_align(feature, rois, 1 / 4, 3), expected, atol=2e-4)


def test_a_linear_map_is_read_at_the_centres_of_the_bins() -> None:
    ramp = torch.arange(20.0).expand(1, 1, 20, 20)
    pooled = roi_align(ramp, torch.tensor([[0.0, 4.5, 4.5, 10.5, 10.5]]), 1.0, 3)
    torch.testing.assert_close(pooled[0, 0, 0], torch.tensor([5.0, 7.0, 9.0]))


def pyramid(images: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(images, 3, 256 // stride, 256 // stride, generator=generator) for stride in (4, 8, 16, 32)]


def test_each_roi_is_pooled_from_its_own_level_and_image() -> None:
    features = pyramid(images=2)
    rois = torch.tensor([[1.0, 3, 5, 60, 70], [0, 0, 0, 250, 250], [0, 0, 0, 130, 120], [1, 0, 0, 700, 700]])
    together = multi_level_roi_align(features, rois, (4, 8, 16, 32), 7)
    for index, (level, stride) in enumerate(((0, 4), (2, 16), (1, 8), (3, 32))):
        alone = roi_align(features[level], rois[index : index + 1], 1 / stride, 7)
        assert torch.equal(together[index : index + 1], alone)


def test_rois_without_area_pool_nothing() -> None:
    rois = torch.tensor([[0.0, 9, 9, 9, 9], [0, 50, 50, 20, 20], [0, 50, 10, 20, 40], [0, 0, 0, 0, 0]])
    pooled = multi_level_roi_align(pyramid(images=1), rois, (4, 8, 16, 32), 7)
    assert pooled.shape == (4, 3, 7, 7)
    assert not pooled.any()


def test_no_rois_pool_to_an_empty_tensor() -> None:
    assert multi_level_roi_align(pyramid(images=1), torch.zeros(0, 5), (4, 8, 16, 32), 7).shape == (0, 3, 7, 7)


def test_a_huge_roi_stays_within_the_map() -> None:
    pooled = roi_align(torch.ones(1, 1, 8, 8), torch.tensor([[0.0, -4e5, -4e5, 4e5, 4e5]]), 1.0, 7)
    assert pooled.shape == (1, 1, 7, 7)
    assert pooled.min() >= 0
    assert pooled.max() <= 1


def test_pooling_equals_torchvision_where_it_is_installed() -> None:
    ops = pytest.importorskip("torchvision.ops", reason="torchvision is not installed")
    feature = pyramid(images=1)[0]
    rois = torch.tensor([[0.0, 3, 5, 60, 70], [0, 10, 20, 30, 200]])
    expected = ops.roi_align(feature, rois, 7, 1 / 4, sampling_ratio=0, aligned=True)
    torch.testing.assert_close(roi_align(feature, rois, 1 / 4, 7), expected, atol=1e-5, rtol=0)
