"""Tests on an NVIDIA GPU: skipped where there is none."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def cuda() -> torch.device:
    """The GPU."""
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA GPU that PyTorch can use")
    return torch.device("cuda")
