"""The optimizer step of a training: from batches to changed weights and losses."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
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
from gridrt.training.schedule import Schedule

Amp = Literal["off", "bf16", "fp16"]
State: TypeAlias = dict[str, Any]  # torch's own state dicts

STREAM = 3  # separates this use of a seed from others
MOST_SKIPPED = 20  # steps in a row; by then the loss scale is a millionth of the initial one
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class Optimization:
    """A model with its optimizer, loss scaler and gradient clipping.

    Under `torchrun` the gradients of all processes are averaged. The losses are divided by counts over all processes,
    so the result is the gradient of a single process with all images (see `gridrt.processes.mean`). The exception is
    the grid branch: `GridTrainConfig.max_rois` limits the boxes of each process, so several processes use more of them.

    Args:
        model: on its device; it is put into training mode.
        schedule: gives the optimizer and the clipping.
        amp: type of the forward pass; "off" is FP32 throughout.
    """

    def __init__(self, model: GridRCNN, schedule: Schedule, amp: Amp) -> None:
        self._losses = _distributed(_Losses(model.train()))
        self._weights = [weight for weight in model.parameters() if weight.requires_grad]
        self._device = self._weights[0].device
        self._optimizer = schedule.descent.optimizer(self._weights)
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=amp == "fp16")
        self._skipped = 0  # steps in a row that the scaler skipped
        self._amp, self._max_norm = amp, schedule.max_gradient_norm or math.inf

    def step(
        self, iteration: int, batches: Sequence[TrainingBatch], lr: float, randomness: Randomness
    ) -> dict[str, float]:
        """Change the weights by the mean gradient of some batches.

        Args:
            iteration: its number, for the error.
            batches: at least one; they are processed one at a time, to save memory.
            lr: the learning rate.
            randomness: of the losses.

        Returns:
            The losses by name, their sum `loss`, and `gradient_norm` before clipping.

        Raises:
            GridRTError: a loss or the gradient is not finite. In FP16, where the scaler skips such a step and lowers
                its scale, only many such gradients in a row are an error. The weights are unchanged.
        """
        parts = []
        for number, batch in enumerate(batches, 1):
            losses, is_last = self._losses, number == len(batches)
            # The processes exchange gradients with the last batch of an iteration only.
            with nullcontext() if is_last or not isinstance(losses, DistributedDataParallel) else losses.no_sync():
                parts.append(self._backward(iteration, batch, randomness, count=len(batches)))
        self._scaler.unscale_(self._optimizer)
        norm = float(nn.utils.clip_grad_norm_(self._weights, self._max_norm))
        self._skipped = 0 if math.isfinite(norm) else self._skipped + 1
        if not self._scaler.is_enabled() or self._skipped >= MOST_SKIPPED:
            _require_finite({"gradient": norm}, iteration)
        for group in self._optimizer.param_groups:
            group["lr"] = lr
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._optimizer.zero_grad()
        means = {name: sum(part[name] for part in parts) / len(parts) for name in parts[0]}
        return {"loss": sum(means.values()), **means, "gradient_norm": norm}

    def state_dict(self) -> State:
        """Everything that later steps depend on, except the weights."""
        scaler = self._scaler.state_dict()
        return {"optimizer": self._optimizer.state_dict(), "scaler": scaler, "skipped": self._skipped}

    def most_bytes(self) -> int:
        """The size of `state_dict` from the first step on, when the optimizer keeps running means of the gradients."""
        defaults = self._optimizer.defaults
        means = len(defaults["betas"]) if "betas" in defaults else int(bool(defaults.get("momentum")))
        return means * sum(weight.nbytes for weight in self._weights)

    def load_state_dict(self, state: State) -> None:
        """Restore the state that `state_dict` returned."""
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        self._skipped = state["skipped"]

    def _backward(
        self, iteration: int, batch: TrainingBatch, randomness: Randomness, *, count: int
    ) -> dict[str, float]:
        """Add the gradient of one of `count` batches to their mean, and return its losses."""
        with torch.autocast(self._device.type, _AUTOCAST.get(self._amp), enabled=self._amp in _AUTOCAST):
            losses: Mapping[str, Tensor] = self._losses(batch.to(self._device), randomness)
        stacked = torch.stack(list(losses.values()))
        found = dict(zip(losses, stacked.tolist(), strict=True))
        _require_finite(found, iteration)
        self._scaler.scale(stacked.sum() / count).backward()
        return found


class _Losses(nn.Module):
    """The losses as a module's `forward`, the only method for which DistributedDataParallel averages gradients."""

    def __init__(self, model: GridRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: TrainingBatch, randomness: Randomness) -> dict[str, Tensor]:
        return self.model.losses(batch.images, batch.image_sizes, batch.targets, randomness)


def _distributed(losses: nn.Module) -> nn.Module:
    """The module with gradients averaged over the processes, if there are several."""
    if processes.count() == 1:
        return losses
    # The strides of a 1x1 convolution's gradient have more than one valid notation.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    return DistributedDataParallel(losses, forward_sync_buffers=False)  # buffers are constants


def randomness_of(seed: int, iteration: int) -> Randomness:
    """The randomness of one iteration in this process; it depends on no earlier iteration, so a run can be resumed."""
    seeds = np.random.SeedSequence([seed, STREAM, iteration, processes.rank()])
    return TorchRandomness(torch.Generator().manual_seed(int(seeds.generate_state(1, np.uint64)[0])))


def _require_finite(values: Mapping[str, float], iteration: int) -> None:
    broken = [f"{name} {value}" for name, value in values.items() if not math.isfinite(value)]
    if broken:
        raise GridRTError(
            "losses and gradients must be finite numbers",
            place=f"iteration {iteration}",
            value=", ".join(broken),
            remedy="The training diverges: start again with a lower learning rate (`lr`). Saved files are unchanged.",
        )
