"""What FP16 may change, measured in the same run by a rounding that is eight times coarser: BF16's.

FP16 has 11 significant bits, BF16 has 8. How much of a rounding error reaches the results depends on the network and on
its input, and is the same for both. A defect, such as a wrong weight, is as large in either, and no rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import onnx.numpy_helper
import torch
from onnx import ModelProto, TensorProto

from gridrt.graph.half_simulation import half_simulation
from gridrt.matched_detections import match_detections
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.types import Detections
from tests.calib.graphs import Array, run

Feeds: TypeAlias = Mapping[str, Array]


def with_coarse_weights(model: GridRCNN) -> GridRCNN:
    """A float32 copy whose weights have BF16's 8 significant bits, where FP16 has 11."""
    coarse = copy.deepcopy(model)
    for weight in coarse.parameters():
        weight.data = weight.data.bfloat16().float()
    return coarse


def assert_errors_of_half_precision(expected: Detections, half: Detections, coarse: Detections) -> None:
    """FP16 rounds weights and features: sqrt(2) / 8 = 0.18 of the coarse error is expected, float32 gives 1e-5 of it.

    Medians, because a box jumps where two cells of its heatmap are nearly as likely; jumps are counted instead.
    """
    found, coarser = match_detections(expected, half), match_detections(expected, coarse)
    for name in ("score_errors", "box_errors"):
        share = np.median(getattr(found, name)) / np.median(getattr(coarser, name))
        assert 0.02 < share < 0.5, (name, found, coarser)
    assert found.outside(1.0, 0.02) < coarser.outside(1.0, 0.02), (found, coarser)


def coarse_simulation(half: ModelProto) -> ModelProto:
    """An FP16 graph in float32, which rounds to BF16 wherever the graph would round to FP16."""
    coarse = half_simulation(half)
    for node in coarse.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.BFLOAT16
    were_half = {tensor.name for tensor in half.graph.initializer if tensor.data_type == TensorProto.FLOAT16}
    for tensor in coarse.graph.initializer:
        if tensor.name in were_half:
            values = torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy()).bfloat16().float().numpy()
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    return coarse


def assert_errors_of_rounding(model: ModelProto, half: ModelProto, coarse: ModelProto, feeds: Feeds) -> None:
    """The mean error of an FP16 graph is at most half of that of the same graph in BF16, where an eighth is expected.

    Means, because where a graph selects by a threshold, values jump, and BF16 makes eight times as many jump. A runtime
    may round as seldom as it likes, so there is no least error.
    """
    for exact, fine, rough in zip(run(model, feeds), run(half, feeds), run(coarse, feeds), strict=True):
        assert fine.dtype == exact.dtype
        if exact.dtype == np.float32:
            assert mean(fine - exact) <= mean(rough - exact) / 2 + FLOAT32_NOISE * mean(exact)


FLOAT32_NOISE = 1e-6
"""Eight roundings of float32, relative: sums in another order, where nothing is rounded to half."""


def mean(values: Array) -> float:
    return float(np.abs(values, dtype=np.float64).mean())
