"""Weights for the model's tests: small, and the same everywhere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gridrt.model.presets import build
from gridrt.model.untrained import deterministic_state_dict


@pytest.fixture(scope="session")
def _tiny_weights() -> dict[str, Tensor]:
    with torch.device("meta"):
        expected = build("tiny", num_classes=3).state_dict()
    return deterministic_state_dict(expected, "tiny")


@pytest.fixture
def tiny_weights(_tiny_weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state dict of the variant `tiny` with three classes, the test's own to add to and to take from."""
    return dict(_tiny_weights)
