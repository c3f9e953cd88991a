"""Where the chance in training comes from: one small object, so that a test can say what is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Randomness(Protocol):
    """Draws, one after another. Tensors are on the CPU, so that a seed means the same on every device."""

    def permutation(self, count: int) -> Tensor:
        """The numbers below `count` in random order: int64 [count]."""
        ...

    def uniform(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        """float32 of `shape`, each from [low, high)."""
        ...


@dataclass(frozen=True)
class TorchRandomness:
    """Draws of a torch generator; of torch's global one by default."""

    generator: torch.Generator | None = None

    def permutation(self, count: int) -> Tensor:
        """As `Randomness.permutation`."""
        return torch.randperm(count, generator=self.generator)

    def uniform(self, shape: tuple[int, ...], low: float, high: float) -> Tensor:
        """As `Randomness.uniform`."""
        return torch.empty(shape).uniform_(low, high, generator=self.generator)
