"""How long to train and how fast: presets, and the law of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import nn

from gridrt.config import DEFAULT_SCALE


class Decay(Protocol):
    """How the learning rate falls."""

    def factor(self, epoch: float, epochs: int) -> float:
        """What the peak rate is multiplied by, `epoch` (with its fraction) of `epochs` into the training."""
        ...


@dataclass(frozen=True)
class StepDecay:
    """Falls to a tenth at the start of certain epochs.

    Attributes:
        milestones: those epochs, in a training of `of` epochs; in a longer or shorter one they move along.
        of: epochs.
    """

    milestones: tuple[int, ...]
    of: int

    def factor(self, epoch: float, epochs: int) -> float:
        """As `Decay.factor`."""
        passed = sum(math.floor(epoch) >= round(milestone * epochs / self.of) for milestone in self.milestones)
        return float(0.1**passed)


@dataclass(frozen=True)
class CosineDecay:
    """Falls along half a cosine, to 0 at the end."""

    def factor(self, epoch: float, epochs: int) -> float:
        """As `Decay.factor`."""
        return (1 + math.cos(math.pi * epoch / epochs)) / 2


@dataclass(frozen=True)
class WarmUp:
    """The rate rises evenly over the first iterations, so that untrained weights do not blow up.

    Attributes:
        iterations: the last of them has the full rate. A tenth of the training where that is less: a small set would
            not reach the full rate at all.
        start: what the first one has of it.
    """

    iterations: int
    start: float

    def factor(self, iteration: int, of: int) -> float:
        """What the rate is multiplied by; iterations count from 0 in a training that has so many."""
        last = min(self.iterations, math.ceil(of / 10)) - 1
        return 1.0 if iteration >= last else self.start + (1 - self.start) * iteration / last


class Descent(Protocol):
    """How weights follow their gradients."""

    def optimizer(self, weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """For these weights; its learning rate is to be set before each step."""
        ...

    def lr_factor(self, images: float) -> float:
        """What the learning rate is multiplied by, where a step sees so many times as many images."""
        ...


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent; all weights decay, those of norms and biases too."""

    momentum: float = 0.9
    weight_decay: float = 1e-4

    def optimizer(self, weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """As `Descent.optimizer`."""
        return torch.optim.SGD(weights, momentum=self.momentum, weight_decay=self.weight_decay)

    def lr_factor(self, images: float) -> float:
        """As `Descent.lr_factor`: in proportion, so that a step goes as far as the smaller ones together."""
        return images


@dataclass(frozen=True)
class AdamW:
    """Steps as long as the learning rate says, however small the gradient; all weights decay."""

    weight_decay: float = 0.05

    def optimizer(self, weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """As `Descent.optimizer`."""
        return torch.optim.AdamW(weights, weight_decay=self.weight_decay)

    def lr_factor(self, images: float) -> float:
        """As `Descent.lr_factor`: by the root, since steps are measured by the noise of the gradients."""
        return math.sqrt(images)


@dataclass(frozen=True)
class Schedule:
    """How to train. An iteration is one change of the weights.

    Attributes:
        epochs: how often every image is seen.
        batch_size: images per forward pass of a process.
        lr: peak learning rate where an iteration sees `lr_images` images; more images allow more, see `Descent`.
        lr_images: see `lr`.
        descent: how weights follow their gradients.
        warm_up: the first iterations.
        decay: the others.
        scale: most pixels on the long and on the short side of a resized image.
        eval_every: epochs from one evaluation to the next.
        max_gradient_norm: longer gradients are shortened to this; None leaves them.
    """

    epochs: int
    batch_size: int
    lr: float
    lr_images: int
    descent: Descent
    warm_up: WarmUp
    decay: Decay
    scale: tuple[int, int] = DEFAULT_SCALE
    eval_every: int = 1
    max_gradient_norm: float | None = None

    def lr_at(self, iteration: int, iterations_per_epoch: int) -> float:
        """The learning rate of an iteration, counted from 0."""
        epoch = iteration / iterations_per_epoch
        warm_up = self.warm_up.factor(iteration, of=self.epochs * iterations_per_epoch)
        return self.lr * warm_up * self.decay.factor(epoch, self.epochs)

    def for_images(self, images: int) -> Schedule:
        """The same with the learning rate that belongs to so many images per iteration."""
        return replace(self, lr=self.lr * self.descent.lr_factor(images / self.lr_images), lr_images=images)


SCHEDULES: Mapping[str, Schedule] = {
    # As published: eight GPUs with two images each.
    "2x": Schedule(
        epochs=25,
        batch_size=2,
        lr=0.02,
        lr_images=16,
        descent=SGD(),
        warm_up=WarmUp(3665, 1 / 80),
        decay=StepDecay((17, 23), of=25),
    ),
    # A few hundred images, from scratch, on a CPU. The grid's heatmaps start flat and almost 0, where gradients are
    # small: AdamW leaves that behind several times sooner than SGD does.
    "short": Schedule(
        epochs=24,
        batch_size=4,
        lr=1e-3,
        lr_images=4,
        descent=AdamW(),
        warm_up=WarmUp(100, 0.01),
        decay=CosineDecay(),
        scale=(480, 360),
        eval_every=4,
        max_gradient_norm=10.0,
    ),
}
