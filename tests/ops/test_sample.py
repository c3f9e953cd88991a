"""The laws of sampling; the sets that the reference draws are in the tests of the losses."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from gridrt.config import SampleConfig
from gridrt.ops.assign import BACKGROUND, IGNORED
from gridrt.ops.randomness import TorchRandomness
from gridrt.ops.sample import sample

assignments = st.lists(st.sampled_from((IGNORED, BACKGROUND, 0, 1, 2)), max_size=40)


def seeded(seed: int) -> TorchRandomness:
    return TorchRandomness(torch.Generator().manual_seed(seed))


class Recorded:
    """Reverses, and keeps the counts that it was asked for."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def permutation(self, count: int) -> torch.Tensor:
        self.counts.append(count)
        return torch.arange(count).flip(0)

    def uniform(self, shape: tuple[int, ...], low: float, high: float) -> torch.Tensor:
        raise NotImplementedError


@given(assignments, st.integers(1, 24), st.sampled_from((0.25, 0.5, 1.0)), st.integers(0, 9))
def test_positives_are_drawn_up_to_their_fraction_and_background_fills_the_rest(
    assigned: list[int], count: int, fraction: float, seed: int
) -> None:
    drawn = sample(torch.tensor(assigned), SampleConfig(count, fraction), seeded(seed))

    positive, negative = drawn.positive.tolist(), drawn.negative.tolist()
    assert len(positive) == min(sum(a >= 0 for a in assigned), int(count * fraction))
    assert len(negative) == min(assigned.count(BACKGROUND), count - len(positive))
    assert all(assigned[index] >= 0 for index in positive)
    assert all(assigned[index] == BACKGROUND for index in negative)


@given(assignments, st.integers(0, 9))
def test_indices_are_ascending_and_differ(assigned: list[int], seed: int) -> None:
    for index in sample(torch.tensor(assigned), SampleConfig(8, 0.5), seeded(seed)):
        assert index.tolist() == sorted(set(index.tolist()))


def test_candidates_are_permuted_only_where_there_are_too_many_positives_first() -> None:
    few, many = torch.tensor([0, BACKGROUND]), torch.tensor([0] * 5 + [BACKGROUND] * 7 + [IGNORED])
    for_few, for_many = Recorded(), Recorded()

    assert [index.tolist() for index in sample(few, SampleConfig(4, 0.5), for_few)] == [[0], [1]]
    assert [index.tolist() for index in sample(many, SampleConfig(4, 0.5), for_many)] == [[3, 4], [10, 11]]
    assert (for_few.counts, for_many.counts) == ([], [5, 7])


def test_every_candidate_is_drawn_at_times() -> None:
    randomness = seeded(0)
    assigned = torch.full((10,), BACKGROUND)

    drawn = {
        index for _ in range(100) for index in sample(assigned, SampleConfig(2, 0.5), randomness).negative.tolist()
    }

    assert drawn == set(range(10))
