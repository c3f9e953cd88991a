"""What a training tells of itself: records in the log, and curves drawn from them. The first process alone writes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from gridrt import processes
from gridrt.eval import Metrics
from gridrt.train.curves import draw_curves
from gridrt.train.log import Log
from gridrt.train.state import Progress

LOG_EVERY = 20  # iterations
LOG, CURVES = "log.jsonl", "curves.png"


class Recorder:
    """Keeps `log.jsonl` and `curves.png` in a folder.

    Args:
        folder: an existing one.
        progress: where the training stands; records of later iterations are dropped.

    Raises:
        OutputError: the log cannot be written.
    """

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._log = Log(folder / LOG, progress.iteration) if processes.rank() == 0 else None
        self._curves = folder / CURVES
        self._sums = defaultdict[str, float](float)  # of the losses since the last record
        self._count = 0

    def add_losses(self, losses: Mapping[str, float], lr: float, progress: Progress) -> None:
        """Count an iteration in; every few of them make a record of their means over iterations and processes."""
        for name, loss in losses.items():
            self._sums[name] += loss
        self._count += 1
        if progress.iteration % LOG_EVERY == 0:
            means = {name: _finite(processes.mean(total / self._count)) for name, total in self._sums.items()}
            self._write(progress, means | {"lr": lr})
            self._sums.clear()
            self._count = 0

    def add_metrics(self, metrics: Metrics, progress: Progress) -> None:
        """Record an evaluation: overall figures, and the AP of each class."""
        per_class = {name: one.ap for name, one in metrics.per_class.items()}
        self._write(progress, asdict(metrics.overall) | {"ap_per_class": per_class})

    def draw(self) -> None:
        """Draw the curves anew, where matplotlib is installed."""
        if self._log is not None and find_spec("matplotlib") is not None:
            draw_curves(self._curves, self._log.records())

    def _write(self, progress: Progress, figures: Mapping[str, object]) -> None:
        if self._log is not None:
            position = {"iteration": progress.iteration, "epoch": progress.epoch + 1}
            self._log.write({**position, "seconds": round(progress.seconds, 2), **figures})


def _finite(figure: float) -> float | None:
    """None for what JSON has no number for: gradients overflow now and then in fp16, and such a step is skipped."""
    return figure if math.isfinite(figure) else None
