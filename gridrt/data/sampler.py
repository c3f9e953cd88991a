"""Which images make up the batches of an epoch: a pure function, so that a run can go on from any of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

STREAM = 1  # separates this use of a seed from others


def batches_of_epoch(
    is_wide: Sequence[bool], batch_size: int, *, seed: int, epoch: int, rank: int = 0, processes: int = 1
) -> list[list[int]]:
    """The batches that process `rank` of `processes` takes in an epoch, each a list of indices of images.

    All images are shuffled together and distributed in turn, the first ones twice where the number is not a multiple of
    the processes, so every process has as many batches. A process then batches wide images with wide ones and tall with
    tall ones, which leaves little padding. Only the remainders of both share batches at the end; the last may be short.

    Args:
        is_wide: for each image, whether it is wider than high.
        batch_size: images per batch and process.
        seed: of the run.
        epoch: the same seed and epoch give the same batches.
        rank: of this process.
        processes: that train together.
    """
    order = np.random.default_rng([seed, STREAM, epoch]).permutation(len(is_wide))
    own = np.resize(order, -(-len(order) // processes) * processes)[rank::processes]
    batches: list[list[int]] = []
    waiting: dict[bool, list[int]] = {True: [], False: []}
    for index in own.tolist():
        group = waiting[is_wide[index]]
        group.append(index)
        if len(group) == batch_size:
            batches.append(group.copy())
            group.clear()
    left = waiting[True] + waiting[False]
    return batches + [left[start : start + batch_size] for start in range(0, len(left), batch_size)]
