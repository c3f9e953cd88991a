from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gridrt.data.sampler import STREAM, batches_of_epoch

SHAPES = st.lists(st.booleans(), min_size=1, max_size=60)
COUNTS = st.integers(1, 5)


def of_all_ranks(is_wide: list[bool], batch_size: int, processes: int, epoch: int = 0) -> list[list[list[int]]]:
    return [
        batches_of_epoch(is_wide, batch_size, seed=1, epoch=epoch, rank=rank, processes=processes)
        for rank in range(processes)
    ]


@given(is_wide=SHAPES, batch_size=COUNTS, processes=COUNTS)
def test_every_image_comes_once_but_for_those_that_even_out_the_ranks(
    is_wide: list[bool], batch_size: int, processes: int
) -> None:
    counts = Counter(
        index for rank in of_all_ranks(is_wide, batch_size, processes) for batch in rank for index in batch
    )

    assert counts.keys() == set(range(len(is_wide)))
    assert counts.total() == -(-len(is_wide) // processes) * processes
    assert max(counts.values()) - min(counts.values()) <= 1


@given(is_wide=SHAPES, batch_size=COUNTS, processes=COUNTS)
def test_ranks_have_as_many_batches_and_all_but_the_last_are_full(
    is_wide: list[bool], batch_size: int, processes: int
) -> None:
    each_rank = -(-len(is_wide) // processes)
    for batches in of_all_ranks(is_wide, batch_size, processes):
        assert len(batches) == -(-each_rank // batch_size)
        assert all(len(batch) == batch_size for batch in batches[:-1])


@given(is_wide=SHAPES, batch_size=COUNTS)
def test_batches_mix_shapes_only_at_the_end(is_wide: list[bool], batch_size: int) -> None:
    (batches,) = of_all_ranks(is_wide, batch_size, processes=1)
    of_one_shape = sum(is_wide) // batch_size + (len(is_wide) - sum(is_wide)) // batch_size

    assert all(len({is_wide[index] for index in batch}) == 1 for batch in batches[:of_one_shape])


@given(is_wide=SHAPES, batch_size=COUNTS, epoch=st.integers(0, 100))
def test_the_same_seed_and_epoch_give_the_same_batches(is_wide: list[bool], batch_size: int, epoch: int) -> None:
    assert of_all_ranks(is_wide, batch_size, 2, epoch) == of_all_ranks(is_wide, batch_size, 2, epoch)


def test_epochs_and_seeds_differ() -> None:
    orders = [
        batches_of_epoch([True] * 30, 30, seed=seed, epoch=epoch)[0] for seed, epoch in [(0, 0), (0, 1), (1, 0), (1, 1)]
    ]

    assert all(orders[first] != orders[second] for first in range(4) for second in range(first))


@given(is_wide=SHAPES, batch_size=COUNTS, processes=COUNTS, epoch=st.integers(0, 3))
def test_images_are_dealt_out_in_turn(is_wide: list[bool], batch_size: int, processes: int, epoch: int) -> None:
    """Wide images keep the order in which they were dealt, and so do the others."""
    order = np.random.default_rng([1, STREAM, epoch]).permutation(len(is_wide)).tolist()
    dealt = (order * processes)[: -(-len(order) // processes) * processes]

    for rank, batches in enumerate(of_all_ranks(is_wide, batch_size, processes, epoch)):
        found, expected = [index for batch in batches for index in batch], dealt[rank::processes]
        for wide in (True, False):
            assert [n for n in found if is_wide[n] == wide] == [n for n in expected if is_wide[n] == wide]
