"""Means of losses over iterations and processes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from gridrt import processes


class Means:
    """Counts iterations in until the means of them are taken.

    Attributes:
        count: iterations since then.
    """

    def __init__(self) -> None:
        self.count = 0
        self._sums = defaultdict[str, float](float)

    def add(self, losses: Mapping[str, float]) -> None:
        """Count an iteration in."""
        for name, loss in losses.items():
            self._sums[name] += loss
        self.count += 1

    def take(self) -> dict[str, float | None]:
        """The means by name, and begin anew; every process must call this."""
        means = {name: _finite(processes.mean(total / self.count)) for name, total in self._sums.items()}
        self.count = 0
        self._sums.clear()
        return means

    def state_dict(self) -> dict[str, Any]:
        """The same for every process; every process must call this."""
        return {"count": self.count, "sums": {name: processes.mean(total) for name, total in self._sums.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on as the one that gave this `state_dict`."""
        self.count = state["count"]
        self._sums = defaultdict(float, state["sums"])


def _finite(figure: float) -> float | None:
    """None for what JSON has no number for: gradients overflow now and then in fp16, and such a step is skipped."""
    return figure if math.isfinite(figure) else None
