"""How close a kernel on a GPU must come to its definition."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gridrt.plugins.contract import Contract
from gridrt.plugins.kernel import Variant


def rounded(tensors: Sequence[Tensor], variant: Variant) -> list[Tensor]:
    """The kernel's inputs, rounded to its precision, in float32 for the definition."""
    return [tensor.to(getattr(torch, variant.feature_type)).float() for tensor in tensors]


def assert_close(actual: Tensor, expected: Tensor, contract: Contract, variant: Variant) -> None:
    tolerance = contract.tolerances[variant.feature_type]
    assert actual.dtype == getattr(torch, variant.feature_type)
    torch.testing.assert_close(actual.float().cpu(), expected, atol=tolerance.absolute, rtol=tolerance.relative)
