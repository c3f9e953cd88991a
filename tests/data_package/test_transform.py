from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridrt.data.transform import Transform, rescaled_size, restore_boxes
from gridrt.errors import GridRTError
from gridrt.types import UInt8Array

Arrays = Mapping[str, npt.NDArray[np.generic]]


@pytest.fixture(scope="module")
def reference(golden: Callable[[str], Arrays]) -> Arrays:
    return golden("unit_resize")


def noise(height: int, width: int, seed: int = 0) -> UInt8Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def taps(size_in: int, size_out: int, *, is_row: bool) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """Indices [2, size_out] of the two pixels blended, and their weights in 1/2048."""
    center = ((np.arange(size_out) + 0.5) * (size_in / size_out) - 0.5).astype(np.float32)
    first = np.floor(center).astype(int)
    fraction = center - first.astype(np.float32)
    if not is_row:
        fraction = np.where((first < 0) | (first >= size_in - 1), np.float32(0), fraction)
        first = first.clip(0, size_in - 1)
    indices = np.stack([first, first + 1]).clip(0, size_in - 1)
    weights = np.rint(np.stack([1 - fraction, fraction]) * np.float32(2048)).astype(int)
    return indices, weights


def fixed_point_resize(image: UInt8Array, height: int, width: int) -> UInt8Array:
    """Bilinear in integers: 11-bit weights, columns blended first, the sums of rows rounded at the end."""
    (left, right), (left_weight, right_weight) = taps(image.shape[1], width, is_row=False)
    (upper, lower), (upper_weight, lower_weight) = taps(image.shape[0], height, is_row=True)
    wide = image.astype(int)
    rows = wide[:, left] * left_weight[:, None] + wide[:, right] * right_weight[:, None]
    above = (upper_weight[:, None, None] * (rows[upper] >> 4)) >> 16
    below = (lower_weight[:, None, None] * (rows[lower] >> 4)) >> 16
    return np.asarray((above + below + 2) >> 2, np.uint8)


def resized(image: UInt8Array, scale: tuple[int, int]) -> UInt8Array:
    batch = Transform(scale)([image])
    height, width = batch.image_sizes[0]
    return batch.images[0, :height, :width]


@pytest.mark.parametrize("case", range(6))
def test_resized_pixels_are_the_reference_s(case: int, reference: dict[str, Any]) -> None:
    long, short = reference[f"rs{case}_scale"]
    pixels = resized(reference[f"rs{case}_in"], (int(long), int(short)))

    if f"rs{case}_out" in reference:
        np.testing.assert_array_equal(reference[f"rs{case}_out"], pixels)
    else:
        assert tuple(reference[f"rs{case}_out_shape"]) == pixels.shape
        np.testing.assert_array_equal(reference[f"rs{case}_out_sub"], pixels[::8, ::8])


def test_rescaled_sizes_are_the_reference_s(reference: dict[str, Any]) -> None:
    expected = [tuple(size) for size in reference["newsize_out_hw"].tolist()]

    assert expected == [rescaled_size(h, w, (1333, 800)) for h, w in reference["newsize_in_hw"].tolist()]


sides = st.integers(1, 150)


@settings(max_examples=200, deadline=None)
@given(height=sides, width=sides, long=sides, short=sides, seed=st.integers(0, 9))
def test_resizing_equals_its_fixed_point_definition(height: int, width: int, long: int, short: int, seed: int) -> None:
    image = noise(height, width, seed)

    new_height, new_width = rescaled_size(height, width, (long, short))

    np.testing.assert_array_equal(fixed_point_resize(image, new_height, new_width), resized(image, (long, short)))


@pytest.mark.parametrize("size", [(480, 640), (1200, 900), (1600, 2666), (1, 3000), (3000, 1), (1, 1)])
def test_resizing_a_photograph_s_size_equals_its_fixed_point_definition(size: tuple[int, int]) -> None:
    image = noise(*size)
    new_height, new_width = rescaled_size(*size, (1333, 800))

    np.testing.assert_array_equal(fixed_point_resize(image, new_height, new_width), resized(image, (1333, 800)))


@given(
    height=st.integers(1, 20_000), width=st.integers(1, 20_000), long=st.integers(1, 4000), short=st.integers(1, 4000)
)
def test_a_rescaled_image_fits_the_scale_and_keeps_its_aspect(height: int, width: int, long: int, short: int) -> None:
    new_height, new_width = rescaled_size(height, width, (long, short))

    assert max(new_height, new_width) <= max(long, short)
    assert min(new_height, new_width) <= min(long, short)
    assert max(new_height, new_width) == max(long, short) or min(new_height, new_width) == min(long, short)
    assert abs(new_height * width - new_width * height) <= max(height, width)


def test_the_order_of_the_scale_does_not_matter() -> None:
    assert rescaled_size(300, 451, (1333, 800)) == rescaled_size(300, 451, (800, 1333)) == (800, 1203)


def test_a_batch_is_padded_right_and_below_to_the_largest_rounded_up_to_32() -> None:
    images = [noise(50, 70), noise(70, 50), noise(33, 33)]

    batch = Transform((70, 50))(images)

    assert batch.images.shape == (3, 96, 96, 3)
    np.testing.assert_array_equal([[50, 70], [70, 50], [50, 50]], batch.image_sizes)
    np.testing.assert_array_equal(images[0], batch.images[0, :50, :70])
    np.testing.assert_array_equal(images[1], batch.images[1, :70, :50])
    for image, (height, width) in zip(batch.images, batch.image_sizes, strict=True):
        assert not image[height:].any()
        assert not image[:, width:].any()


def test_the_types_are_those_of_the_session_protocol() -> None:
    batch = Transform()([noise(30, 40)])

    dtypes = [batch.images.dtype.name, batch.image_sizes.dtype.name, batch.scale_factors.dtype.name]
    assert dtypes == ["uint8", "int32", "float32"]


def test_scale_factors_come_from_the_rounded_sizes() -> None:
    batch = Transform((416, 416))([noise(300, 420)])

    np.testing.assert_array_equal(np.array([[416 / 420, 297 / 300]], np.float32), batch.scale_factors)


def test_a_view_that_flips_channels_is_resized_as_its_copy() -> None:
    flipped = noise(40, 60)[:, ::-1, ::-1]

    np.testing.assert_array_equal(resized(flipped.copy(), (90, 70)), resized(flipped, (90, 70)))


def test_a_single_pixel_fills_its_image() -> None:
    assert resized(np.array([[[1, 2, 3]]], np.uint8), (1333, 800)).shape == (800, 800, 3)


def test_a_thread_of_pixels_keeps_one_in_height() -> None:
    assert Transform()([noise(1, 9000)]).images.shape == (1, 32, 1344, 3)


@pytest.mark.parametrize("scale", [(0, 800), (1333, -1)])
def test_a_scale_that_is_not_positive_is_refused(scale: tuple[int, int]) -> None:
    with pytest.raises(GridRTError) as caught:
        Transform(scale)
    assert (caught.value.place, caught.value.value) == ("scale", scale)


@pytest.mark.parametrize("scale", [(2_000_000, 2_000_000), (16385, 800), (800, 16385)])
def test_a_scale_beyond_any_memory_is_refused(scale: tuple[int, int]) -> None:
    with pytest.raises(GridRTError, match="16384") as caught:
        Transform(scale)
    assert (caught.value.place, caught.value.value) == ("scale", scale)


def test_the_largest_scale_is_taken() -> None:
    assert Transform((16384, 16384)).resize(noise(1, 2)).shape == (8192, 16384, 3)


@given(height=st.integers(1, 900), width=st.integers(1, 900))
def test_restoring_maps_the_corners_of_the_resized_image_to_those_of_the_original(height: int, width: int) -> None:
    new_height, new_width = rescaled_size(height, width, (133, 80))
    factor = np.array([new_width / width, new_height / height], np.float32)

    restored = restore_boxes(np.array([[0, 0, new_width, new_height]], np.float32), factor)

    np.testing.assert_allclose(restored, [[0, 0, width, height]], rtol=1e-6)
    assert restored.dtype == np.float32


def test_restoring_divides_in_float32() -> None:
    boxes = np.random.default_rng(0).random((50, 4), np.float32) * 1000
    factor = np.array([2.666, 8 / 3], np.float32)
    expected = [[x1 / factor[0], y1 / factor[1], x2 / factor[0], y2 / factor[1]] for x1, y1, x2, y2 in boxes]

    np.testing.assert_array_equal(np.array(expected, np.float32), restore_boxes(boxes, factor))
