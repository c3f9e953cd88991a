"""Random sampling of assigned boxes for the loss, so that background does not outnumber the objects by far."""

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
    """Sample positives up to their fraction of the count, then background boxes up to the count.

    Args:
        assigned: int64 [N], from `gridrt.ops.assign.assign`.
        config: the count and the fraction.
        randomness: draws one permutation for the positives if there are too many, then one for the background.
    """
    positive = _draw(assigned >= 0, int(config.count * config.positive_fraction), randomness)
    negative = _draw(assigned == BACKGROUND, config.count - len(positive), randomness)
    return Samples(positive, negative)


def _draw(eligible: Tensor, count: int, randomness: Randomness) -> Tensor:
    """At most `count` random indices of eligible boxes, ascending: bool [N] -> int64 [<= count]."""
    index = eligible.nonzero().flatten()
    if len(index) <= count:
        return index
    chosen = randomness.permutation(len(index))[:count].to(index.device)
    return index[chosen].sort().values
