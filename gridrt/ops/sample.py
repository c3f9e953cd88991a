"""Which of the assigned boxes are learned from: a random few, so that the background does not drown the objects."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from gridrt.config import SampleConfig
from gridrt.ops.assign import BACKGROUND
from gridrt.ops.randomness import Randomness


class Samples(NamedTuple):
    """Indices of boxes, ascending."""

    positive: Tensor  # int64 [P]
    negative: Tensor  # int64 [Q]


def sample(assigned: Tensor, config: SampleConfig, randomness: Randomness) -> Samples:
    """Draw positives up to their fraction of the count, then fill up with background as far as there is any.

    Args:
        assigned: int64 [N], of `gridrt.ops.assign.assign`.
        config: how many.
        randomness: asked for one permutation per kind of which there are too many, positives first.
    """
    positive = _draw(assigned >= 0, int(config.count * config.positive_fraction), randomness)
    negative = _draw(assigned == BACKGROUND, config.count - len(positive), randomness)
    return Samples(positive, negative)


def _draw(eligible: Tensor, count: int, randomness: Randomness) -> Tensor:
    """At most `count` of the indices that are eligible, ascending: bool [N] -> int64 [<= count]."""
    index = eligible.nonzero().flatten()
    if len(index) <= count:
        return index
    chosen = randomness.permutation(len(index))[:count].to(index.device)
    return index[chosen].sort().values
