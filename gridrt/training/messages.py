"""The lines that a training writes to stderr, on a terminal or to a file, from the first process only."""

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
from gridrt.training.data import TrainingData
from gridrt.training.folder import CURVES
from gridrt.training.schedule import Schedule
from gridrt.training.state import Progress

Losses = Mapping[str, float | None]


def write_line(line: str) -> None:
    """Write a line, above the progress bar if there is one."""
    if processes.rank() == 0:
        tqdm.write(line, file=sys.stderr)


def write_start(data: TrainingData, schedule: Schedule, progress: Progress, iterations: int) -> None:
    """The data, the length of the training, and whether curves will be missing."""
    reasons = [f"{count} {reason}" for reason, count in data.left_out().items()]
    left_out = f" ({', '.join(reasons)} left out)" if reasons else ""
    begun = progress.iteration
    extent = f"iterations {begun} to {iterations}" if begun else format_count(iterations, "iteration")
    write_line(
        f"{format_count(len(data.images), 'image')}{left_out}, {format_count(len(data.images.class_names), 'class')}: "
        f"{format_count(schedule.epochs, 'epoch')}, {extent}, batch size {schedule.batch_size}, "
        f"scale {format_scale(schedule.scale)}, peak learning rate {schedule.lr:.3g}"
    )
    try:
        require_matplotlib()
    except DependencyError as error:
        write_line(f"no {CURVES}: {error}")


def write_epoch(progress: Progress, epochs: int, losses: Losses, seconds_left: float) -> None:
    """The mean losses of an epoch, unless a progress bar shows them."""
    if not sys.stderr.isatty():
        means = ", ".join(f"{name} {loss}" for name, loss in short_losses(losses).items())
        write_line(f"epoch {progress.epoch + 1} of {epochs}: {means}; {tqdm.format_interval(seconds_left)} left")


def write_metrics(progress: Progress, metrics: Metrics, failures: int, seconds: float) -> None:
    """The average precision of an evaluation, the number of images that failed, and the duration in seconds."""
    overall = metrics.overall
    figures = f"AP {points(overall.ap)}, AP50 {points(overall.ap50)}, AP75 {points(overall.ap75)}"
    failed = f"; failed for {format_count(failures, 'image')}" if failures else ""
    write_line(f"epoch {progress.epoch + 1} evaluated in {seconds:.1f} s: {figures}{failed}")


def short_losses(losses: Losses) -> dict[str, str]:
    """The losses as texts, by names without `loss_`."""
    named = {name.removeprefix("loss_"): loss for name, loss in losses.items() if name.startswith("loss")}
    return {name: "-" if loss is None else f"{loss:.3f}" for name, loss in named.items()}
