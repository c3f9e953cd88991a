"""Means of losses over iterations and processes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from gridrt import processes


class Means:
    """Accumulates losses until their means are taken.

    Attributes:
        count: iterations since the last means.
    """

    def __init__(self) -> None:
        self.count = 0
        self._sums = defaultdict[str, float](float)

    def add(self, losses: Mapping[str, float]) -> None:
        """Add the losses of an iteration."""
        for name, loss in losses.items():
            self._sums[name] += loss
        self.count += 1

    def take(self) -> dict[str, float | None]:
        """Return the means by name and start over; every process must call this.

        A mean that is not finite becomes None, as JSON has no number for it: in FP16, gradients overflow now and then,
        and such a step is skipped.
        """
        means = {name: processes.mean(total / self.count) for name, total in self._sums.items()}
        self.count = 0
        self._sums.clear()
        return {name: mean if math.isfinite(mean) else None for name, mean in means.items()}

    def state_dict(self) -> dict[str, Any]:
        """The state, the same in every process; every process must call this."""
        return {"count": self.count, "sums": {name: processes.mean(total) for name, total in self._sums.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        self.count = state["count"]
        self._sums = defaultdict(float, state["sums"])
