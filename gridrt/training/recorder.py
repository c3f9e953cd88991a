"""The records of a training in its log, and the curves drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gridrt import processes
from gridrt.eval import Metrics
from gridrt.training.curves import draw_curves
from gridrt.training.folder import CURVES, LOG
from gridrt.training.log import Log
from gridrt.training.means import Means
from gridrt.training.state import Progress

LOG_EVERY = 20  # iterations


class Recorder:
    """Writes `log.jsonl` and `curves.png` to a folder, in the first process only.

    Args:
        folder: an existing one.
        recorded: the `state_dict` to resume from; later records are dropped, as the resumed run writes them again.

    Raises:
        OutputError: the log cannot be written.
    """

    def __init__(self, folder: Path, recorded: Mapping[str, Any] | None) -> None:
        self._curves = folder / CURVES
        self._since_record, self._in_epoch, self._lr = Means(), Means(), 0.0
        if recorded is not None:
            self._since_record.load_state_dict(recorded["since_record"])
            self._in_epoch.load_state_dict(recorded["in_epoch"])
            self._lr = recorded["lr"]
        kept = 0 if recorded is None else recorded["records"]
        self._log = Log(folder / LOG, kept) if processes.rank() == 0 else None

    def state_dict(self) -> dict[str, Any]:
        """The number of records and the sums for the next ones; every process must call this."""
        return {
            "records": 0 if self._log is None else self._log.count,
            "since_record": self._since_record.state_dict(),
            "in_epoch": self._in_epoch.state_dict(),
            "lr": self._lr,
        }

    def add_losses(self, losses: Mapping[str, float], lr: float, progress: Progress) -> None:
        """Add an iteration; every few iterations, their means over iterations and processes become a record."""
        self._since_record.add(losses)
        self._in_epoch.add(losses)
        self._lr = lr
        if progress.iteration % LOG_EVERY == 0:
            self._write_losses(progress)

    def end_epoch(self, progress: Progress) -> Mapping[str, float | None]:
        """Record the iterations since the last record.

        Returns:
            The means of the epoch; empty if they were returned already.
        """
        if self._since_record.count:
            self._write_losses(progress)
        return self._in_epoch.take()

    def add_metrics(self, metrics: Metrics, progress: Progress) -> None:
        """Record an evaluation: the overall figures and the AP of each class."""
        per_class = {name: one.ap for name, one in metrics.per_class.items()}
        self._write(progress, asdict(metrics.overall) | {"ap_per_class": per_class})

    def draw(self) -> None:
        """Draw the curves, if matplotlib is installed."""
        if self._log is not None and find_spec("matplotlib") is not None:
            draw_curves(self._curves, self._log.records())

    def _write_losses(self, progress: Progress) -> None:
        self._write(progress, self._since_record.take() | {"lr": self._lr})

    def _write(self, progress: Progress, figures: Mapping[str, object]) -> None:
        if self._log is not None:
            position = {"iteration": progress.iteration, "epoch": progress.epoch + 1}
            self._log.write({**position, "seconds": round(progress.seconds, 2), **figures})
