"""Profiles admit the batches that they were asked to, and only sound ones are made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridrt.config import DEFAULT_SCALE, SIZE_DIVISOR
from gridrt.data.transform import Transform, pad, rescaled_size
from gridrt.errors import GridRTError
from gridrt.export.engine.profile import BatchShape, Profile, fix_inputs, profile_for

sides = st.integers(1, 5000)


@given(height=sides, width=sides, scale=st.sampled_from([DEFAULT_SCALE, (480, 360), (800, 800), (360, 480)]))
def test_every_image_of_the_scale_fits(height: int, width: int, scale: tuple[int, int]) -> None:
    resized = rescaled_size(height, width, scale)
    padded = pad([np.zeros((*resized, 3), np.uint8)]).shape[1:3]
    profile = profile_for(scale)
    assert all(
        least <= side <= most
        for least, side, most in zip(profile.smallest[1:], padded, profile.largest[1:], strict=True)
    )


def test_it_is_tuned_for_wide_images_of_the_published_scale() -> None:
    picture = np.zeros((600, 1200, 3), np.uint8)
    batch = Transform(DEFAULT_SCALE)([picture] * 1)
    assert profile_for(DEFAULT_SCALE, (1, 8)).tuned == BatchShape(8, 800, 1344)
    assert batch.images.shape[2] == 1344


def test_one_size_and_one_batch_leave_nothing_open() -> None:
    profile = profile_for(DEFAULT_SCALE, (2, 2), ((640, 480), (640, 480)))
    assert profile.smallest == profile.tuned == profile.largest == BatchShape(2, 640, 480)
    assert profile.inputs() == {"images": ((2, 640, 480, 3),) * 3, "image_sizes": ((2, 2),) * 3}


def test_what_it_is_tuned_for_stays_within_the_sizes_asked_for() -> None:
    assert profile_for(DEFAULT_SCALE, size=((32, 32), (512, 640))).tuned == BatchShape(1, 512, 640)
    assert profile_for(DEFAULT_SCALE, size=((960, 1408), (1600, 1600))).tuned == BatchShape(1, 960, 1408)


@pytest.mark.parametrize(
    ("batch", "size", "word", "found"),
    [
        ((0, 1), None, "batch", "0 of 32x32"),
        ((4, 2), None, "batch", "4..2"),
        ((1, 1), ((800, 1333), (800, 1333)), "multiples of 32", "1 of 800x1333"),
        ((1, 1), ((800, 800), (640, 800)), "height", "800..640"),
    ],
)
def test_what_no_batch_can_be_is_refused(
    batch: tuple[int, int], size: tuple[tuple[int, int], tuple[int, int]] | None, word: str, found: str
) -> None:
    with pytest.raises(GridRTError, match=word) as caught:
        profile_for(DEFAULT_SCALE, batch, size)
    assert caught.value.value == found


def test_dimensions_that_never_change_are_written_into_the_graph(exported: Callable[[str], Path]) -> None:
    model = onnx.load(exported("tiny"), load_external_data=False)
    fix_inputs(model, Profile(BatchShape(1, 32, 64), BatchShape(1, 64, 64), BatchShape(1, 96, 64)))
    shapes = {
        value.name: [dim.dim_value or dim.dim_param for dim in value.type.tensor_type.shape.dim]
        for value in model.graph.input
    }
    assert shapes == {"images": [1, "height", 64, 3], "image_sizes": [1, 2]}
    assert SIZE_DIVISOR == 32
