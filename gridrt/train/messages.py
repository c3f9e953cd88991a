"""What a training says on stderr, to a terminal and to a log file alike. The first process alone speaks."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tqdm import tqdm

from gridrt import processes
from gridrt.errors import DependencyError
from gridrt.eval import Metrics
from gridrt.formatting import format_count, format_scale
from gridrt.report.figure import require_matplotlib
from gridrt.report.metrics import points
from gridrt.train.data import TrainingData
from gridrt.train.folder import CURVES
from gridrt.train.schedule import Schedule
from gridrt.train.state import Progress

Losses = Mapping[str, float | None]


def tell(line: str) -> None:
    """Say a line; a progress bar goes on below it."""
    if processes.rank() == 0:
        tqdm.write(line, file=sys.stderr)


def tell_start(data: TrainingData, schedule: Schedule, progress: Progress, iterations: int) -> None:
    """What is learned from and for how long, and what will be missing."""
    reasons = [f"{count} {reason}" for reason, count in data.left_out().items()]
    left_out = f" ({', '.join(reasons)} left out)" if reasons else ""
    begun = progress.iteration
    extent = f"iterations {begun} to {iterations}" if begun else format_count(iterations, "iteration")
    tell(
        f"{format_count(len(data.images), 'image')}{left_out}, {format_count(len(data.images.class_names), 'class')}: "
        f"{format_count(schedule.epochs, 'epoch')}, {extent}, batch size {schedule.batch_size}, "
        f"scale {format_scale(schedule.scale)}, peak learning rate {schedule.lr:.3g}"
    )
    try:
        require_matplotlib()
    except DependencyError as error:
        tell(f"{CURVES} is not drawn: {error}")


def tell_epoch(progress: Progress, epochs: int, losses: Losses, seconds_left: float) -> None:
    """The mean losses of an epoch, where no progress bar shows them."""
    if not sys.stderr.isatty():
        tell(f"epoch {progress.epoch + 1} of {epochs}: {_listed(losses)}; {tqdm.format_interval(seconds_left)} left")


def tell_metrics(progress: Progress, metrics: Metrics, seconds: float) -> None:
    """The figures of an evaluation, and how long it took."""
    found = metrics.overall
    figures = f"AP {points(found.ap)}, AP50 {points(found.ap50)}, AP75 {points(found.ap75)}"
    tell(f"epoch {progress.epoch + 1} evaluated in {seconds:.1f} s: {figures}")


def short_losses(losses: Losses) -> dict[str, str]:
    """The losses by short names."""
    named = {name.removeprefix("loss_"): loss for name, loss in losses.items() if name.startswith("loss")}
    return {name: "-" if loss is None else f"{loss:.3f}" for name, loss in named.items()}


def _listed(losses: Losses) -> str:
    return ", ".join(f"{name} {loss}" for name, loss in short_losses(losses).items())
