"""Deterministic weights that were never trained: the same numbers on every machine, for parity tests and for the demo.

Each tensor is drawn from its own generator, seeded by its name, so no tensor depends on another or on any order. The
gains keep activations near one through the whole net, and the biases of the two classifiers let a picture end in a few
dozen detections. What is detected means nothing.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build
from gridrt.types import Float32Array

_Shape: TypeAlias = Sequence[int]
_Fill: TypeAlias = Callable[[np.random.Generator, _Shape], Float32Array]


def untrained_model(variant: str, num_classes: int = 80) -> GridRCNN:
    """A detector by the name of its preset, with these weights, in eval mode.

    Raises:
        GridRTError: there is no such variant.
    """
    model = build(variant, num_classes)
    model.load_state_dict(deterministic_state_dict(model.state_dict(), variant))
    return model.eval()


def deterministic_state_dict(expected: Mapping[str, Tensor], variant: str) -> dict[str, Tensor]:
    """Untrained weights with the names and shapes of `expected`, such as `model.state_dict()` (meta tensors will do).

    The same names, shapes and variant give the same bytes, always.
    """
    return {name: deterministic_tensor(name, tensor.shape, variant) for name, tensor in expected.items()}


def deterministic_tensor(name: str, shape: _Shape, variant: str) -> Tensor:
    """The untrained weights called `name`: float32, or int64 for BatchNorm's step counters."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros(tuple(shape), dtype=torch.int64)
    rng = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
    return torch.from_numpy(_fill_for(name, shape, variant)(rng, tuple(shape)))


def _normal(std: float, mean: float = 0.0) -> _Fill:
    return lambda rng, shape: _float32(mean + std * rng.standard_normal(shape))


def _uniform(low: float, high: float) -> _Fill:
    return lambda rng, shape: _float32(low + (high - low) * rng.random(shape))


def _centred(std: float) -> _Fill:
    """Normal, less the mean of each output's weights: inputs out of a ReLU are positive, and that must not add up."""

    def fill(rng: np.random.Generator, shape: _Shape) -> Float32Array:
        draws = rng.standard_normal(shape)
        return _float32(std * (draws - draws.mean(axis=tuple(range(1, len(shape))), keepdims=True)))

    return fill


def _class_bias(rng: np.random.Generator, shape: _Shape) -> Float32Array:
    """The background, last, is so likely that few proposals pass; the best of more classes scores higher by chance."""
    bias = _normal(0.5)(rng, shape)
    bias[-1] = 14.3 * math.sqrt(math.log(len(bias)) / math.log(81))
    return bias


def _float32(values: npt.NDArray[np.float64]) -> Float32Array:
    return values.astype(np.float32)


_NORM = r"(?:^|\.)(?:bn\d|gn\d?|norm\d|downsample\.1)"

# The first pattern that is found in a name decides.
_BY_NAME: tuple[tuple[str, _Fill], ...] = (
    (r"\.running_mean$", _normal(0.1)),
    (r"\.running_var$", _uniform(0.7, 1.3)),
    (rf"{_NORM}\.bias$", _normal(0.1)),
    (r"\.[bg]n3\.weight$", _uniform(0.6 * 0.25, 1.4 * 0.25)),  # ends a residual branch: the sum must not grow per block
    (rf"{_NORM}\.weight$", _uniform(0.8, 1.2)),
    (r"\.rpn_cls\.bias$", _normal(0.3, mean=-2.0)),
    (r"\.rpn_reg\.bias$", _normal(0.05)),
    (r"\.fc_cls\.bias$", _class_bias),
    (r"\.deconv2\.weight$", _normal(0.15)),
    (r"\.deconv2\.bias$", _normal(0.2, mean=-1.5)),
    (r"\.bias$", _normal(0.02)),
)

# Weights whose spread is a gain over the root of their fan-in.
_GAINS: tuple[tuple[str, float], ...] = (
    (r"\.fpn_convs\.0\.", 1.0),
    (r"\.fpn_convs\.1\.", 1.3),
    (r"\.fpn_convs\.2\.", 1.7),
    (r"\.fpn_convs\.", 2.8),
    (r"\.[fs]order_trans\.", 0.7),
    (r"\.deconv1\.", 2.0),  # with stride 2, a quarter of its taps meet at a pixel
)
_CENTRED_GAINS: tuple[tuple[str, float], ...] = (
    (r"\.rpn_cls\.", 1.6),
    (r"\.rpn_reg\.", 0.24),
    (r"\.fc_cls\.", 3.2),
)
# Backbones differ in how large their outputs are; the pyramid levels it out.
_LATERAL_GAINS = {
    "r50": 0.30,
    "r101": 0.18,
    "x101_32x4d": 0.18,
    "x101_64x4d": 0.18,
    "tiny": 0.90,
    "faster_r50": 0.30,
    "faster_tiny": 0.90,
}
_INPUT_NOT_RECTIFIED = r"(?:backbone\.conv1|rpn_conv|shared_fcs\.0|grid_head\.convs\.0\.conv)\.weight$"


def _fill_for(name: str, shape: _Shape, variant: str) -> _Fill:
    for pattern, fill in _BY_NAME:
        if re.search(pattern, name):
            return fill
    fan_in = math.prod(shape[1:])
    if ".lateral_convs." in name:
        return _centred(_LATERAL_GAINS[variant] / math.sqrt(fan_in))
    for pattern, gain in _CENTRED_GAINS:
        if re.search(pattern, name):
            return _centred(gain / math.sqrt(fan_in))
    for pattern, gain in _GAINS:
        if re.search(pattern, name):
            return _normal(gain / math.sqrt(fan_in))
    if re.search(_INPUT_NOT_RECTIFIED, name):
        return _normal(math.sqrt(2.0 / fan_in))
    return _centred(math.sqrt(2.9 / fan_in))
