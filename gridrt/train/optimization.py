"""One iteration of training: batches in, weights changed, losses out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from gridrt import processes
from gridrt.data.training import TrainingBatch
from gridrt.errors import GridRTError
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.ops.randomness import Randomness, TorchRandomness
from gridrt.train.schedule import Schedule

Precision = Literal["off", "bf16", "fp16"]
State: TypeAlias = dict[str, Any]  # torch's own state dicts

STREAM = 3  # tells this use of a seed from others
MOST_SKIPPED = 20  # steps in a row; the scale of the losses is a millionth of its first by then
REMEDY = "The training diverges: start anew with a lower learning rate (--lr). What was saved before is untouched."
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Optimization:
    """A model with what changes its weights.

    Under `torchrun` the gradients of all processes are averaged; since the losses are divided by counts of all
    processes, that is the gradient of one process with all their images (see `gridrt.processes.mean`). It is so as long
    as the grid branch learns from all boxes: the most that it learns from, `GridTrainConfig.max_rois`, counts for each
    process, so beyond it several processes learn from more boxes than one.

    Args:
        model: on its device; put into training mode.
        schedule: of the descent.
        precision: of the forward pass; "off" is float32 throughout.
    """

    def __init__(self, model: GridRCNN, schedule: Schedule, precision: Precision) -> None:
        self._losses = _shared(_Losses(model.train()))
        self._weights = [weight for weight in model.parameters() if weight.requires_grad]
        self._device = self._weights[0].device
        self._optimizer = schedule.descent.optimizer(self._weights)
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=precision == "fp16")
        self._skipped = 0  # steps in a row, by the scaler
        self._precision, self._max_norm = precision, schedule.max_gradient_norm or math.inf

    def step(
        self, iteration: int, batches: Sequence[TrainingBatch], lr: float, randomness: Randomness
    ) -> dict[str, float]:
        """Change the weights by the mean gradient of some batches.

        Args:
            iteration: which one it is, for the error.
            batches: at least one; memory is needed for one at a time.
            lr: the learning rate.
            randomness: of the losses.

        Returns:
            The losses by name, their sum `loss`, and `gradient_norm` as it was before shortening.

        Raises:
            GridRTError: a loss or the gradient is not a finite number; in fp16, where the scale of the losses falls
                with each such gradient, many in a row are. The weights are as before.
        """
        parts = [
            self._add_gradients(iteration, batch, randomness, of=len(batches), is_last=number == len(batches))
            for number, batch in enumerate(batches, 1)
        ]
        self._scaler.unscale_(self._optimizer)
        norm = float(nn.utils.clip_grad_norm_(self._weights, self._max_norm))
        self._check_gradient(norm, iteration)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad()
        means = {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}
        return {"loss": sum(means.values()), **means, "gradient_norm": norm}

    def state_dict(self) -> State:
        """All that a later step depends on, beside the weights."""
        scaler = self._scaler.state_dict()
        return {"optimizer": self._optimizer.state_dict(), "scaler": scaler, "skipped": self._skipped}

    def most_bytes(self) -> int:
        """What `state_dict` takes once the optimizer keeps means of every gradient, as from the first step on."""
        defaults = self._optimizer.defaults
        means = len(defaults["betas"]) if "betas" in defaults else int(bool(defaults.get("momentum")))
        return means * sum(weight.nbytes for weight in self._weights)

    def load_state_dict(self, state: State) -> None:
        """Go on as the one that gave this `state_dict`."""
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        self._skipped = state["skipped"]

    def _add_gradients(
        self, iteration: int, batch: TrainingBatch, randomness: Randomness, *, of: int, is_last: bool
    ) -> dict[str, float]:
        """Those of one batch of an iteration, to the mean `of` so many; returns the losses."""
        with self._alone(is_last=is_last):
            losses = self._forward(batch, randomness)
            found = dict(zip(losses, torch.stack(list(losses.values())).tolist(), strict=True))
            _refuse_non_finite(found, iteration)
            self._scaler.scale(torch.stack(list(losses.values())).sum() / of).backward()
        return found

    def _check_gradient(self, norm: float, iteration: int) -> None:
        """The scaler skips a step whose gradient is no number by itself, and goes on with a smaller scale."""
        self._skipped = 0 if math.isfinite(norm) else self._skipped + 1
        if not self._scaler.is_enabled() or self._skipped >= MOST_SKIPPED:
            _refuse_non_finite({"gradient": norm}, iteration)

    def _forward(self, batch: TrainingBatch, randomness: Randomness) -> Mapping[str, Tensor]:
        with self._autocast():
            losses: Mapping[str, Tensor] = self._losses(batch.to(self._device), randomness)
        return losses

    def _alone(self, *, is_last: bool) -> AbstractContextManager[None]:
        """The processes share gradients after the last batch alone."""
        if is_last or not isinstance(self._losses, DistributedDataParallel):
            return nullcontext()
        return self._losses.no_sync()

    def _autocast(self) -> AbstractContextManager[Any]:
        if self._precision == "off":
            return nullcontext()
        return torch.autocast(self._device.type, _AUTOCAST[self._precision])


class _Losses(nn.Module):
    """The losses as a module's `forward`: only that is watched by DistributedDataParallel."""

    def __init__(self, model: GridRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: TrainingBatch, randomness: Randomness) -> dict[str, Tensor]:
        return self.model.losses(batch.images, batch.image_sizes, batch.targets, randomness)


def _shared(losses: nn.Module) -> nn.Module:
    """With gradients that are averaged over the processes, where there are several."""
    if processes.count() == 1:
        return losses
    # Of 1x1 convolutions, whose strides may be written in more than one way.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    return DistributedDataParallel(losses, forward_sync_buffers=False)  # buffers are constants


def randomness_of(seed: int, iteration: int) -> Randomness:
    """The chance of one iteration in this process: it depends on nothing before, so a run can go on from any."""
    seeds = np.random.SeedSequence([seed, STREAM, iteration, processes.rank()])
    return TorchRandomness(torch.Generator().manual_seed(int(seeds.generate_state(1, np.uint64)[0])))


def _refuse_non_finite(values: Mapping[str, float], iteration: int) -> None:
    broken = [f"{name} {value}" for name, value in values.items() if not math.isfinite(value)]
    if broken:
        rule, place = "losses and gradients must be finite numbers", f"iteration {iteration}"
        raise GridRTError(rule, place=place, value=", ".join(broken), remedy=REMEDY)
