"""GroupNormRelu by PyTorch: a sum, a normalisation and a rectification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.gpu_case import Baseline, Inputs
from gridrt.ops.group_norm_relu import group_norm_relu


def norm_by_torch(attributes: Mapping[str, Any], inputs: Inputs) -> Iterator[Baseline]:
    """The definition, replayed and launched; PyTorch's normalisation gives what it does not get: channels first."""
    features, bias, weight, shift = inputs
    for is_captured in (True, False):
        yield Baseline(
            "PyTorch group_norm, relu",
            lambda: group_norm_relu(features, bias, weight, shift, **attributes),
            is_captured,
        )
