"""Draws repeat with their seed, and follow the named distribution."""

from __future__ import annotations

import torch

from gridrt.ops.randomness import TorchRandomness


def test_a_permutation_holds_every_number_once() -> None:
    assert sorted(TorchRandomness().permutation(50).tolist()) == list(range(50))


def test_uniform_draws_fill_their_interval() -> None:
    draws = TorchRandomness(torch.Generator().manual_seed(0)).uniform((1000, 4), -0.15, 0.15)

    assert draws.shape == (1000, 4)
    assert -0.15 <= draws.min() < -0.149
    assert 0.149 < draws.max() <= 0.15
    assert abs(draws.mean()) < 0.01


def test_a_seed_repeats_its_draws_whatever_the_global_generator_does() -> None:
    def draws() -> list[torch.Tensor]:
        randomness = TorchRandomness(torch.Generator().manual_seed(3))
        torch.rand(1)
        return [randomness.permutation(20), randomness.uniform((3,), 0, 1)]

    assert all(torch.equal(first, second) for first, second in zip(draws(), draws(), strict=True))


def test_without_a_generator_the_global_seed_decides() -> None:
    torch.manual_seed(5)
    first = TorchRandomness().permutation(20)
    torch.manual_seed(5)

    assert torch.equal(TorchRandomness().permutation(20), first)
