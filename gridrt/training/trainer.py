"""The training loop: iterations, evaluations and saved states, from the start or from a saved state to the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gridrt import processes
from gridrt.data.coco import CocoDataset
from gridrt.data.training import TrainingBatch, training_batches
from gridrt.detector import Detector
from gridrt.errors import GridRTError
from gridrt.eval import evaluate
from gridrt.eval.results import categories_of_labels
from gridrt.formatting import format_count
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.in_memory import session_of_model
from gridrt.training.checkpoints import Checkpoints
from gridrt.training.data import TrainingData
from gridrt.training.folder import BEST, LAST, STATE, resumes
from gridrt.training.messages import short_losses, write_epoch, write_line, write_metrics, write_start
from gridrt.training.optimization import Optimization, randomness_of
from gridrt.training.recorder import Recorder
from gridrt.training.settings import Settings, fixed_settings
from gridrt.training.signals import DelayedSignals, delayed_signals
from gridrt.training.state import Progress, damage_refused

NOTICE = "\nStopping after this iteration. Interrupt again to stop at once.\n"
NAMED_FAILURES = 5  # in the error; the others are format_count


class Trainer:
    """Trains a model, and saves it to a folder.

    Under `torchrun` all processes do the same with different images, and the first one writes. Images, flips and
    samples of an iteration depend on the seed and the iteration alone. So a resumed run reaches the same weights as an
    uninterrupted one, on a CPU with the same number of threads; GPUs add in no fixed order.

    Args:
        model: on its device.
        data: to train and to evaluate on.
        settings: how to train.
        out: an existing folder for checkpoints, log and curves, which all processes see.
        resume: whether to continue from the state in `out`; without a state there, a new training starts.

    Attributes:
        progress: how far the training is.

    Raises:
        DataError: the classes of the validation set, or of the state, are not the model's.
        CheckpointError: the state cannot be read, or has other data or settings; or `out` has files of a training that
            is not to be resumed.
        OutputError: `out` cannot be written to, or has too little room.
    """

    def __init__(self, model: GridRCNN, data: TrainingData, settings: Settings, out: Path, *, resume: bool) -> None:
        is_resumed = resumes(out, resume=resume)
        if data.validation is not None:
            categories_of_labels(model.class_names, data.validation)
        model.scale = settings.schedule.scale
        self._model, self._data, self._settings, self._schedule = model, data, settings, settings.schedule
        self._checkpoints = Checkpoints(out, model, fixed_settings(model, data, settings))
        state = self._checkpoints.load_state() if is_resumed else None
        self._optimization = Optimization(model, self._schedule, settings.amp)
        self.progress = state.progress if state else Progress()
        with damage_refused(out / STATE):
            if state:
                model.load_state_dict(state.model)
                self._optimization.load_state_dict(dict(state.optimization))
            self._recorder = Recorder(out, state.recorder if state else None)
        self._asked_to_resume, self._is_resumed = resume, is_resumed
        self._failures: list[str] = []  # images of the last evaluation for which the model's output is not finite
        self._started = time.perf_counter() - self.progress.seconds
        self._checkpoints.prepare_folder(self._optimization)
        self._save()  # a killed run can always be resumed

    def run(self) -> None:
        """Train to the end, with a progress bar and lines on stderr.

        SIGINT and SIGTERM take effect after the iteration in progress, when the state is saved. During an evaluation,
        before which it was saved, and when repeated, they take effect at once.

        Raises:
            GridRTError: a loss is no longer finite; what was saved is still there.
            OutputError: a file cannot be written; likewise.
            ImageError, DataError: an image cannot be used.
            GridRTError: the training is done, but images failed in its last evaluation: they cannot be read, or the
                model's output for them is not finite.
        """
        total = self._schedule.epochs * self._iterations_per_epoch
        if self._is_resumed:
            write_line(f"resumed at iteration {self.progress.iteration}")
        elif self._asked_to_resume:
            write_line("There is no training to resume: a new one starts.")
        write_start(self._data, self._schedule, self.progress, total)
        quiet = True if processes.rank() > 0 else None  # None: shown on a terminal only
        with tqdm(total=total, initial=self.progress.iteration, unit="it", disable=quiet) as bar:
            try:
                while self.progress.epoch < self._schedule.epochs:
                    self._run_epoch(bar)
            except (KeyboardInterrupt, SystemExit):
                write_line(f"saved at iteration {self._saved_at}")
                raise
        if self._failures:
            named = ", ".join(self._failures[:NAMED_FAILURES])
            raise GridRTError(
                "the training is done, but its last evaluation failed for some images",
                place="last evaluation",
                value=f"{format_count(len(self._failures), 'image')}, first {named}",
                remedy="Their errors are listed above.",
            )

    @property
    def _iterations_per_epoch(self) -> int:
        batches = -(-len(self._data.images) // (self._schedule.batch_size * processes.count()))
        return -(-batches // self._settings.accumulate)

    def _run_epoch(self, bar: tqdm[Any]) -> None:
        """Do what is left of an epoch: iterations, evaluation, saving."""
        ended, validation = self.progress.epoch + 1, self._data.validation
        is_evaluated = ended % self._schedule.eval_every == 0 or ended == self._schedule.epochs
        with delayed_signals(NOTICE if processes.rank() == 0 else "") as signals:
            is_stopped = not self._train(bar, signals)
            if not is_stopped:
                self._end_epoch()
            if is_stopped or (validation is not None and is_evaluated):  # an evaluation may take long
                self._save()
        if is_stopped:
            raise KeyboardInterrupt  # another process received the signal
        if validation is not None and is_evaluated:
            self._evaluate(validation)
        with delayed_signals():
            self.progress.epoch, self.progress.step = ended, 0
            self._checkpoints.save_weights(LAST)
            self._save()
        self._recorder.draw()

    def _train(self, bar: tqdm[Any], signals: DelayedSignals) -> bool:
        """Do the remaining iterations of the epoch; return False if a signal to any process stopped them."""
        done = self.progress
        for batches in self._remaining_batches():
            lr = self._schedule.lr_at(done.iteration, self._iterations_per_epoch)
            randomness = randomness_of(self._data.images.seed, done.iteration)
            losses = self._optimization.step(done.iteration, batches, lr, randomness)
            done.step, done.iteration, done.seconds = done.step + 1, done.iteration + 1, self._seconds()
            self._recorder.add_losses(losses, lr, done)
            bar.set_postfix(epoch=done.epoch + 1, **short_losses(losses), lr=f"{lr:.2g}", refresh=False)
            bar.update()
            if processes.anywhere(signals.received is not None):
                return False
            if done.iteration % self._settings.save_every == 0:
                self._save()
        return True

    def _remaining_batches(self) -> Iterator[list[TrainingBatch]]:
        """The batches of each remaining iteration of the epoch."""
        accumulate = self._settings.accumulate
        batches = training_batches(
            self._data.images,
            self._schedule.batch_size,
            epoch=self.progress.epoch,
            start=self.progress.step * accumulate,
            rank=processes.rank(),
            processes=processes.count(),
            workers=self._settings.workers,
        )
        while of_iteration := list(islice(batches, accumulate)):
            yield of_iteration

    def _end_epoch(self) -> None:
        losses = self._recorder.end_epoch(self.progress)
        if losses:  # else the run that was stopped has written them
            epochs, done = self._schedule.epochs, self.progress.iteration
            left = self._seconds() / done * (epochs * self._iterations_per_epoch - done)
            write_epoch(self.progress, epochs, losses, left)

    def _evaluate(self, validation: CocoDataset) -> None:
        device, started = str(next(self._model.parameters()).device), time.perf_counter()
        detector = Detector(session_of_model(self._model, device))
        metrics = evaluate(detector, validation)
        self._failures = list(map(str, metrics.failed))
        self._model.train()
        self.progress.seconds = self._seconds()
        self._recorder.add_metrics(metrics, self.progress)
        write_metrics(self.progress, metrics, len(self._failures), time.perf_counter() - started)
        ap, best = metrics.overall.ap, self.progress.best_ap
        if ap is not None and (best is None or ap > best):
            self.progress.best_ap = ap
            self._checkpoints.save_weights(BEST)  # before the state, which records the best AP

    def _seconds(self) -> float:
        return time.perf_counter() - self._started

    def _save(self) -> None:
        self.progress.seconds = self._seconds()
        self._checkpoints.save_state(self.progress, self._optimization, self._recorder)
        self._saved_at = self.progress.iteration
