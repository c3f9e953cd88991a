from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gridrt.calib.affine import Range, asymmetric, quantized_weight, symmetric_scale

MAGNITUDES = st.floats(1e-3, 1e4)
FRACTIONS = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def through_int8(values: np.ndarray, scale: np.float32) -> torch.Tensor:
    return torch.fake_quantize_per_tensor_affine(torch.from_numpy(values), float(scale), 0, -127, 127)


def test_the_amax_of_a_range_is_its_larger_magnitude() -> None:
    assert Range(-3.0, 2.0).amax == 3
    assert Range(0.0, 2.0).amax == 2


@given(MAGNITUDES, FRACTIONS)
def test_symmetric_integers_are_within_half_a_step_of_every_value_in_the_range(
    amax: float, fractions: list[float]
) -> None:
    values = ((2 * np.array([*fractions, 0, 1]) - 1) * amax).astype(np.float32)
    scale = symmetric_scale(amax)

    error = np.abs(through_int8(values, scale).numpy() - values)

    assert scale.dtype == np.float32
    assert error.max() <= scale / 2 * (1 + 1e-4)
    assert round(amax / float(scale)) == 127


@given(st.floats(-1e3, 0), st.floats(1e-2, 1e3), FRACTIONS)
def test_asymmetric_integers_are_within_half_a_step_and_give_0_back_exactly(
    low: float, high: float, fractions: list[float]
) -> None:
    values = (low + np.array([*fractions, 0, 1]) * (high - low)).astype(np.float32)
    scale, zero_point = asymmetric(Range(low, high))
    assert isinstance(scale, np.float32)
    assert isinstance(zero_point, np.uint8)

    def back(real: np.ndarray) -> np.ndarray:
        return torch.fake_quantize_per_tensor_affine(
            torch.from_numpy(real), float(scale), int(zero_point), 0, 255
        ).numpy()

    # The zero point is an integer, so that the ends of the range shift, too, by at most half a step.
    assert np.abs(back(values) - values).max() <= scale / 2 * (1 + 1e-3)
    assert back(np.zeros(1, np.float32)) == 0


def test_values_of_one_sign_use_all_integers() -> None:
    assert [float(each) for each in asymmetric(Range(0.0, 51.0))] == pytest.approx([0.2, 0])
    assert [float(each) for each in asymmetric(Range(-51.0, 0.0))] == pytest.approx([0.2, 255])


def test_the_scale_of_nothing_is_not_zero() -> None:
    assert symmetric_scale(0.0) == 1
    assert [float(each) for each in asymmetric(Range(0.0, 0.0))] == [1, 0]


@pytest.mark.parametrize("amax", [1e-6, 1e-12, 1e-45])
def test_a_range_too_small_for_half_precision_does_not_get_the_scale_zero(amax: float) -> None:
    """The scale is stored in FP16, with the layers around."""
    assert np.float16(symmetric_scale(amax)) > 0


def naive_weight(weight: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Integers and scales, channel by channel and element by element."""
    integers, scales = np.zeros(weight.shape, np.int8), np.zeros(weight.shape[axis], np.float32)
    for channel in range(weight.shape[axis]):
        at = tuple(channel if each == axis else slice(None) for each in range(weight.ndim))
        scales[channel] = max(abs(value) for value in weight[at].flat) / np.float32(127)
        for place, value in np.ndenumerate(weight[at]):
            integers[at][place] = round(float(value) / float(scales[channel]))
    return integers, scales


@pytest.mark.parametrize(("shape", "axis"), [((5, 3, 2, 2), 0), ((4, 6), 0), ((4, 6), 1)])
def test_a_weight_has_a_scale_for_each_output_channel(shape: tuple[int, ...], axis: int) -> None:
    weight = np.random.default_rng(0).normal(size=shape).astype(np.float32)

    integers, scales = quantized_weight(weight, axis, np.float32)

    expected_integers, expected_scales = naive_weight(weight, axis)
    assert (integers.dtype.name, scales.dtype.name, scales.shape) == ("int8", "float32", (shape[axis],))
    np.testing.assert_allclose(scales, expected_scales, rtol=1e-6)
    np.testing.assert_array_equal(integers, expected_integers)
    others = tuple(each for each in range(weight.ndim) if each != axis)
    assert (np.abs(integers.astype(int)).max(others) == 127).all()


def test_the_integers_fit_the_scales_as_half_precision_stores_them() -> None:
    weight = np.random.default_rng(1).normal(size=(64, 10)).astype(np.float32) * 1e-3

    integers, scales = quantized_weight(weight, 0, np.float16)

    np.testing.assert_array_equal(scales, scales.astype(np.float16))
    error = np.abs(integers * scales[:, None] - weight)
    is_clipped = np.abs(weight) > 127 * scales[:, None]  # where the scale was rounded down
    assert (error[~is_clipped] <= np.broadcast_to(scales[:, None] * 0.5001, error.shape)[~is_clipped]).all()
    assert (error <= scales[:, None] * 0.6).all()


def test_the_range_is_symmetric() -> None:
    integers, _ = quantized_weight(np.array([[-1.0, 0.999], [1.0, -1.0]], np.float32), 0, np.float32)

    assert integers.tolist() == [[-127, 127], [127, -127]]


def test_a_dead_channel_is_zero_at_a_scale_that_is_not() -> None:
    weight = np.array([[0.0, 0.0], [1e-7, -1e-7], [1.0, 2.0]], np.float32)

    integers, scales = quantized_weight(weight, 0, np.float16)

    assert scales[:2].tolist() == [1, 1]  # the second one's is too small for FP16
    assert integers[:2].tolist() == [[0, 0], [0, 0]]
    assert integers[2].tolist() == [64, 127]


def test_scales_are_as_large_as_asked_for() -> None:
    weight = np.array([[0.0, 0.0], [1e-9, 0.0], [1.27, 0.635], [1.27, 0.635]], np.float32)

    integers, scales = quantized_weight(weight, 0, np.float32, least=np.array([0.0, 0.5, 1e-9, 0.02], np.float32))

    assert scales == pytest.approx([1, 0.5, 0.01, 0.02])
    assert integers.tolist() == [[0, 0], [0, 0], [127, 64], [64, 32]]
