from __future__ import annotations

import torch

from benchmarks.ops.grid_fusion.baseline import convolution_pairs
from benchmarks.ops.grid_fusion.inputs import fusion_inputs
from gridrt.ops.grid_fusion import grid_fusion


def test_the_convolution_pairs_compute_what_the_op_does() -> None:
    features, first, second = fusion_inputs(3, 16, 5)

    replayed, launched = convolution_pairs([features, *first, *second])

    assert (replayed.is_captured, launched.is_captured) == (True, False)
    for baseline in (replayed, launched):
        torch.testing.assert_close(baseline.call(), grid_fusion(features, first, second))
