"""What a training ended with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class TrainingReport:
    """A finished training.

    Attributes:
        variant: of the detector, such as "r50".
        weights: file of the best weights where there was an evaluation, else of the last ones.
        best_ap: average precision of `weights`, in 0..1; None without an evaluation.
        epochs: done in all, those of resumed runs included.
        iterations: done in all, likewise.
        seconds: of training, likewise.
    """

    variant: str
    weights: Path
    best_ap: float | None
    epochs: int
    iterations: int
    seconds: float
