"""Schedules of training: length, optimizer and learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import nn

from gridrt.config import DEFAULT_SCALE


class Decay(Protocol):
    """Decay of the learning rate."""

    def factor(self, epoch: float, epochs: int) -> float:
        """The factor of the peak rate after `epoch` epochs (a fraction is allowed) of `epochs`."""
        ...


@dataclass(frozen=True)
class StepDecay:
    """Divides the rate by ten at the start of certain epochs.

    Attributes:
        milestones: these epochs, in a training of `of` epochs; they scale with the length of the training.
        of: see `milestones`.
    """

    milestones: tuple[int, ...]
    of: int

    def factor(self, epoch: float, epochs: int) -> float:
        """As `Decay.factor`."""
        passed = sum(math.floor(epoch) >= round(milestone * epochs / self.of) for milestone in self.milestones)
        return float(0.1**passed)


@dataclass(frozen=True)
class CosineDecay:
    """Half a cosine, to 0 at the end."""

    def factor(self, epoch: float, epochs: int) -> float:
        """As `Decay.factor`."""
        return (1 + math.cos(math.pi * epoch / epochs)) / 2


@dataclass(frozen=True)
class WarmUp:
    """Linear increase over the first iterations, without which untrained weights diverge.

    Attributes:
        iterations: the last of them has the full rate. At most a tenth of the training, or a small data set would never
            reach the full rate.
        start: the factor of the first iteration.
    """

    iterations: int
    start: float

    def factor(self, iteration: int, of: int) -> float:
        """The factor of the rate in an iteration, counted from 0, of a training of `of` iterations."""
        last = min(self.iterations, math.ceil(of / 10)) - 1
        return 1.0 if iteration >= last else self.start + (1 - self.start) * iteration / last


class Descent(Protocol):
    """An optimizer with its hyperparameters."""

    def optimizer(self, weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """Make the optimizer of these weights; the caller sets its learning rate before each step."""
        ...

    def lr_factor(self, images: float) -> float:
        """The factor of the learning rate if the number of images per step grows by the factor `images`."""
        ...


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent; weight decay applies to norms and biases too."""

    momentum: float = 0.9
    weight_decay: float = 1e-4

    def optimizer(self, weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """As `Descent.optimizer`."""
        return torch.optim.SGD(weights, momentum=self.momentum, weight_decay=self.weight_decay)

    def lr_factor(self, images: float) -> float:
        """As `Descent.lr_factor`: linear, so that one large step equals several small ones."""
        return images


@dataclass(frozen=True)
class AdamW:
    """AdamW, whose steps do not depend on the scale of the gradient; weight decay applies to all weights."""

    weight_decay: float = 0.05

    def optimizer(self, weights: Sequence[nn.Parameter]) -> torch.optim.Optimizer:
        """As `Descent.optimizer`."""
        return torch.optim.AdamW(weights, weight_decay=self.weight_decay)

    def lr_factor(self, images: float) -> float:
        """As `Descent.lr_factor`: the square root, because the noise of the gradient normalises the steps."""
        return math.sqrt(images)


@dataclass(frozen=True)
class Schedule:
    """A training schedule. An iteration is one optimizer step.

    Attributes:
        epochs: passes over all images.
        batch_size: images per forward pass of a process.
        lr: peak learning rate for `lr_images` images per iteration; `Descent.lr_factor` scales it to other numbers.
        lr_images: see `lr`.
        descent: the optimizer.
        warm_up: of the learning rate.
        decay: of the learning rate.
        scale: most pixels on the long and on the short side of a resized image.
        eval_every: epochs between evaluations.
        max_gradient_norm: gradients are clipped to this norm; None does not clip.
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
        """The same schedule with the learning rate for this number of images per iteration."""
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
    # A few hundred images, from scratch, on a CPU. The heatmaps of the grid start flat and close to 0, where gradients
    # are small: AdamW gets past that several times faster than SGD.
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
