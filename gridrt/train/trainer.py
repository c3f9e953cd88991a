"""A training from its first iteration, or from a saved one, to its last."""

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
from gridrt.eval import evaluate
from gridrt.eval.results import categories_of_labels
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.pytorch.session import TorchSession
from gridrt.train.checkpoints import Checkpoints
from gridrt.train.data import TrainingData
from gridrt.train.folder import BEST, LAST, goes_on
from gridrt.train.messages import short_losses, tell, tell_epoch, tell_metrics, tell_start
from gridrt.train.optimization import Optimization, randomness_of
from gridrt.train.recorder import Recorder
from gridrt.train.settings import Settings, lasting_settings
from gridrt.train.state import Progress, TrainingState


class Trainer:
    """A model on its way.

    Under `torchrun` all processes do the same with different images, and the first one writes. Images, flips and
    samples of an iteration depend on the seed and the iteration alone, so a run that goes on from a state reaches the
    weights of one that was never stopped (on a CPU: with as many threads; GPUs add up in any order).

    Args:
        model: on its device.
        data: to learn from, and to evaluate on.
        settings: how to train.
        out: an existing folder for checkpoints, log and curves, which all processes see.
        resume: whether to go on from the state in `out`; where there is none, the training begins.

    Attributes:
        progress: how far it is.

    Raises:
        DataError: the classes of the data to evaluate on, or those of the state, are not the model's.
        CheckpointError: the state cannot be read or began with other data or settings; or files of a training lie in
            `out` that were not asked for.
        OutputError: `out` cannot be written to, or has no room.
    """

    def __init__(self, model: GridRCNN, data: TrainingData, settings: Settings, out: Path, *, resume: bool) -> None:
        is_old = goes_on(out, resume=resume)
        if data.validation is not None:
            categories_of_labels(model.class_names, data.validation)
        model.scale = settings.schedule.scale
        self._model, self._data, self._settings, self._schedule = model, data, settings, settings.schedule
        self._checkpoints = Checkpoints(out, model, lasting_settings(model, data, settings))
        state = self._checkpoints.load_state() if is_old else None
        self._optimization = Optimization(model, self._schedule, settings.precision)
        self.progress = self._restored(state) if state else Progress()
        self._recorder = Recorder(out, state.recorder if state else None)
        self._has_nothing_to_resume = resume and not is_old
        self._started = time.perf_counter() - self.progress.seconds
        self._checkpoints.prepare_folder(self._optimization)
        self._save()  # a killed run can always go on

    def run(self) -> None:
        """Train to the end, with a progress bar, and lines on stderr that stay.

        Raises:
            GridRTError: the losses are no longer finite numbers; what was saved before is still there.
            OutputError: something cannot be written; likewise.
            ImageError, DataError: a picture cannot be used.
        """
        total = self._schedule.epochs * self._iterations_per_epoch
        if self._has_nothing_to_resume:
            tell("There is no training to resume: a new one begins.")
        tell_start(self._data, self._schedule, self.progress, total)
        quiet = True if processes.rank() > 0 else None  # None leaves it to whether anybody watches
        with tqdm(total=total, initial=self.progress.iteration, unit="it", disable=quiet) as bar:
            while self.progress.epoch < self._schedule.epochs:
                self._train_epoch(bar)
                self._end_epoch()

    @property
    def _iterations_per_epoch(self) -> int:
        batches = -(-len(self._data.images) // (self._schedule.batch_size * processes.count()))
        return -(-batches // self._settings.accumulate)

    def _train_epoch(self, bar: tqdm[Any]) -> None:
        """All iterations of an epoch that are not done yet."""
        done = self.progress
        for batches in self._remaining_batches():
            lr = self._schedule.lr_at(done.iteration, self._iterations_per_epoch)
            randomness = randomness_of(self._data.images.seed, done.iteration)
            losses = self._optimization.step(done.iteration, batches, lr, randomness)
            done.step, done.iteration, done.seconds = done.step + 1, done.iteration + 1, self._seconds()
            self._recorder.add_losses(losses, lr, done)
            bar.set_postfix(epoch=done.epoch + 1, **short_losses(losses), lr=f"{lr:.2g}", refresh=False)
            bar.update()
            if done.iteration % self._settings.save_every == 0:
                self._save()

    def _remaining_batches(self) -> Iterator[list[TrainingBatch]]:
        """Those of each iteration."""
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
        """Evaluate where it is time to, save, and turn to the next epoch."""
        self._tell_epoch()
        ended, validation = self.progress.epoch + 1, self._data.validation
        if validation is not None and (ended % self._schedule.eval_every == 0 or ended == self._schedule.epochs):
            self._save()  # an evaluation may take long
            self._evaluate(validation)
        self.progress.epoch, self.progress.step = ended, 0
        self._checkpoints.save_weights(LAST)
        self._save()
        self._recorder.draw()

    def _tell_epoch(self) -> None:
        losses = self._recorder.end_epoch(self.progress)
        if losses:  # else it was told before the run was killed
            epochs, done = self._schedule.epochs, self.progress.iteration
            left = self._seconds() / done * (epochs * self._iterations_per_epoch - done)
            tell_epoch(self.progress, epochs, losses, left)

    def _evaluate(self, validation: CocoDataset) -> None:
        device, started = str(next(self._model.parameters()).device), time.perf_counter()
        metrics = evaluate(Detector(TorchSession(self._model, device)), validation)
        self._model.train()
        self.progress.seconds = self._seconds()
        self._recorder.add_metrics(metrics, self.progress)
        tell_metrics(self.progress, metrics, time.perf_counter() - started)
        ap, best = metrics.overall.ap, self.progress.best_ap
        if ap is not None and (best is None or ap > best):
            self.progress.best_ap = ap
            self._checkpoints.save_weights(BEST)  # before the state, which knows of it

    def _seconds(self) -> float:
        return time.perf_counter() - self._started

    def _save(self) -> None:
        self.progress.seconds = self._seconds()
        self._checkpoints.save_state(self.progress, self._optimization, self._recorder)

    def _restored(self, state: TrainingState) -> Progress:
        """Bring model and optimizer to where the state is."""
        self._model.load_state_dict(state.model)
        self._optimization.load_state_dict(dict(state.optimization))
        return state.progress
