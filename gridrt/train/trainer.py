"""A training from its first iteration, or from a saved one, to its last."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from gridrt import processes
from gridrt.data.coco import CocoDataset
from gridrt.data.training import TrainingBatch, TrainingImages, training_batches
from gridrt.detector import Detector
from gridrt.errors import CheckpointError
from gridrt.eval import evaluate
from gridrt.eval.results import categories_of_labels
from gridrt.model.checkpoint import save_weights
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.runtime.torch_session import TorchSession
from gridrt.train.optimization import Optimization, Precision, randomness_of
from gridrt.train.recorder import Recorder
from gridrt.train.schedule import Schedule
from gridrt.train.state import Progress, TrainingState, load_state, refuse_other_training, save_state

STATE, LAST, BEST = "checkpoint.pth", "last.pth", "best.pth"


@dataclass(frozen=True)
class Settings:
    """How to train.

    Attributes:
        schedule: with the learning rate for the images of an iteration, of all processes.
        accumulate: batches of a process per iteration.
        precision: of the forward pass.
        save_every: iterations from one training state to the next; there is one at the end of each epoch, too.
        workers: processes that load images.
    """

    schedule: Schedule
    accumulate: int = 1
    precision: Precision = "off"
    save_every: int = 500
    workers: int = 2


class Trainer:
    """A model on its way.

    Under `torchrun` all processes do the same with different images, and the first one writes. Images, flips and
    samples of an iteration depend on the seed and the iteration alone, so a run that goes on from a state reaches the
    weights of one that was never stopped (on a CPU: with as many threads; GPUs add up in any order).

    Args:
        model: on its device.
        images: to learn from; their seed is the run's.
        validation: to evaluate on, where given.
        settings: how to train.
        out: an existing folder for checkpoints, log and curves, which all processes see.
        resume: whether to go on from the state in `out`.

    Attributes:
        progress: how far it is.

    Raises:
        DataError: the classes of `validation`, or those of the state, are not the model's.
        CheckpointError: the state cannot be read or began with other settings; or there is one that was not asked for.
        OutputError: `out` cannot be written to.
    """

    def __init__(
        self,
        model: GridRCNN,
        images: TrainingImages,
        validation: CocoDataset | None,
        settings: Settings,
        out: Path,
        *,
        resume: bool,
    ) -> None:
        if not resume:
            _refuse_to_overwrite(out / STATE)
        if validation is not None:
            categories_of_labels(model.class_names, validation)
        model.scale = settings.schedule.scale
        self._model, self._images, self._validation = model, images, validation
        self._settings, self._schedule, self._out = settings, settings.schedule, out
        self._optimization = Optimization(model, self._schedule, settings.precision)
        self.progress = self._restored() if resume else Progress()
        self._started = time.perf_counter() - self.progress.seconds
        self._recorder = Recorder(out, self.progress)
        self._save()  # a disk without room is told now, and a killed run can always go on

    def run(self) -> None:
        """Train to the end, with a progress bar.

        Raises:
            GridRTError: the losses are no longer finite numbers; what was saved before is still there.
            OutputError: something cannot be written; likewise.
            ImageError, DataError: a picture cannot be used.
        """
        total = self._schedule.epochs * self._iterations_per_epoch
        quiet = True if processes.rank() > 0 else None  # None leaves it to whether anybody watches
        with tqdm(total=total, initial=self.progress.iteration, unit="it", disable=quiet) as bar:
            while self.progress.epoch < self._schedule.epochs:
                self._train_epoch(bar)
                self._end_epoch()

    @property
    def _iterations_per_epoch(self) -> int:
        batches = -(-len(self._images) // (self._schedule.batch_size * processes.count()))
        return -(-batches // self._settings.accumulate)

    def _train_epoch(self, bar: tqdm[Any]) -> None:
        """All iterations of an epoch that are not done yet."""
        done = self.progress
        for batches in self._remaining_batches():
            lr = self._schedule.lr_at(done.iteration, self._iterations_per_epoch)
            randomness = randomness_of(self._images.seed, done.iteration)
            losses = self._optimization.step(done.iteration, batches, lr, randomness)
            done.step, done.iteration, done.seconds = done.step + 1, done.iteration + 1, self._seconds()
            self._recorder.add_losses(losses, lr, done)
            bar.set_postfix(epoch=done.epoch + 1, **_shown(losses), lr=f"{lr:.2g}", refresh=False)
            bar.update()
            if done.iteration % self._settings.save_every == 0:
                self._save()

    def _remaining_batches(self) -> Iterator[list[TrainingBatch]]:
        """Those of each iteration."""
        accumulate = self._settings.accumulate
        batches = training_batches(
            self._images,
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
        ended = self.progress.epoch + 1
        if self._validation is not None and (ended % self._schedule.eval_every == 0 or ended == self._schedule.epochs):
            self._save()  # an evaluation may take long
            self._evaluate(self._validation)
        self.progress.epoch, self.progress.step = ended, 0
        self._save_weights(LAST)
        self._save()
        self._recorder.draw()

    def _evaluate(self, validation: CocoDataset) -> None:
        device = str(next(self._model.parameters()).device)
        metrics = evaluate(Detector(TorchSession(self._model, device)), validation)
        self._model.train()
        self.progress.seconds = self._seconds()
        self._recorder.add_metrics(metrics, self.progress)
        ap, best = metrics.overall.ap, self.progress.best_ap
        if ap is not None and (best is None or ap > best):
            self.progress.best_ap = ap
            self._save_weights(BEST)  # before the state, which knows of it

    def _seconds(self) -> float:
        return time.perf_counter() - self._started

    def _save_weights(self, name: str) -> None:
        if processes.rank() == 0:
            save_weights(self._model, self._out / name)

    def _save(self) -> None:
        self.progress.seconds = self._seconds()
        if processes.rank() == 0:
            class_names, weights = self._model.class_names, self._model.state_dict()
            optimization = self._optimization.state_dict()
            save_state(
                self._out / STATE,
                TrainingState(self.progress, class_names, self._lasting_settings(), weights, optimization),
            )

    def _restored(self) -> Progress:
        """Bring model and optimizer to where the state is."""
        path = self._out / STATE
        state = load_state(path)
        refuse_other_training(path, state, self._model.class_names, self._lasting_settings())
        self._model.load_state_dict(state.model)
        self._optimization.load_state_dict(dict(state.optimization))
        return state.progress

    def _lasting_settings(self) -> dict[str, object]:
        """All that the weights depend on."""
        settings: dict[str, object] = asdict(self._settings)
        schedule = asdict(self._schedule)
        del settings["schedule"], settings["save_every"], settings["workers"], schedule["eval_every"]
        run = {"seed": self._images.seed, "images": len(self._images), "processes": processes.count()}
        return {"variant": self._model.variant} | schedule | settings | run


def _refuse_to_overwrite(state: Path) -> None:
    if state.exists():
        remedy = "Go on with it by --resume, or choose another folder with --out."
        raise CheckpointError("a training lies here already", place=state, remedy=remedy)


def _shown(losses: dict[str, float]) -> dict[str, str]:
    """The losses by short names, for the progress bar."""
    return {name.removeprefix("loss_"): f"{loss:.3f}" for name, loss in losses.items() if name.startswith("loss")}
