"""The source of randomness in training, as a small object that a test can replace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Randomness(Protocol):
    """A sequence of random draws. Tensors are on the CPU, so that a seed means the same on every device."""

    def permutation(self, count: int) -> Tensor:
        """The numbers below `count` in random order: int64 [count]."""
        ...

    def uniform(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        """float32 of `shape`, each from [low, high)."""
        ...


@dataclass(frozen=True)
class TorchRandomness:
    """Draws from a torch generator; from torch's global one by default."""

    generator: torch.Generator | None = None

    def permutation(self, count: int) -> Tensor:
        """As `Randomness.permutation`."""
        return torch.randperm(count, generator=self.generator)

    def uniform(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        """As `Randomness.uniform`."""
        return torch.empty(shape).uniform_(low, high, generator=self.generator)
