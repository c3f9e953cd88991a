from __future__ import annotations

import math

import pytest

from gridrt.training import SCHEDULES
from gridrt.training.schedule import SGD, CosineDecay, StepDecay, WarmUp

PER_EPOCH = 7330  # COCO's 117266 images with objects, 16 at a time


def test_the_published_schedule_has_the_published_numbers() -> None:
    published = SCHEDULES["2x"]

    assert (published.epochs, published.descent) == (25, SGD(momentum=0.9, weight_decay=1e-4))
    assert (published.scale, published.lr_images, published.max_gradient_norm) == ((1333, 800), 16, None)


@pytest.mark.parametrize(("iteration", "rate"), [(0, 2.5e-4), (1, 2.5539e-4), (3663, 0.02), (3664, 0.02), (9999, 0.02)])
def test_the_published_warm_up(iteration: int, rate: float) -> None:
    assert SCHEDULES["2x"].lr_at(iteration, PER_EPOCH) == pytest.approx(rate, rel=4e-4 if iteration == 3663 else 1e-5)


def test_the_warm_up_is_not_over_before_its_last_iteration() -> None:
    assert SCHEDULES["2x"].lr_at(3663, PER_EPOCH) < 0.02 == SCHEDULES["2x"].lr_at(3664, PER_EPOCH)


@pytest.mark.parametrize(("epoch", "rate"), [(17, 0.002), (23, 0.0002)])
def test_the_published_rate_falls_to_a_tenth_at_the_start_of_an_epoch(epoch: int, rate: float) -> None:
    published = SCHEDULES["2x"]

    assert published.lr_at(epoch * PER_EPOCH - 1, PER_EPOCH) == pytest.approx(10 * rate)
    assert published.lr_at(epoch * PER_EPOCH, PER_EPOCH) == pytest.approx(rate)


def test_milestones_move_with_the_number_of_epochs() -> None:
    decay = StepDecay((17, 23), of=25)

    falls = [epoch for epoch in range(1, 12) if decay.factor(epoch, 12) < decay.factor(epoch - 1, 12)]

    assert falls == [8, 11]  # those of the common schedule of 12 epochs


def test_half_a_cosine_goes_from_one_to_zero() -> None:
    factors = [CosineDecay().factor(epoch, 8) for epoch in range(9)]

    assert factors == pytest.approx([math.cos(math.pi * step / 16) ** 2 for step in range(9)])


def test_a_warm_up_of_one_iteration_is_none() -> None:
    assert WarmUp(1, 0.1).factor(0, of=100) == 1


def test_in_a_short_training_the_warm_up_is_a_tenth_of_it() -> None:
    per_epoch = 146  # 292 images, 2 at a time: fewer iterations in all than the published warm-up has

    rates = [SCHEDULES["2x"].lr_at(iteration, per_epoch) for iteration in range(25 * per_epoch)]

    assert rates.index(0.02) == 25 * per_epoch // 10 - 1
    assert rates[0] == pytest.approx(2.5e-4)


def test_the_rate_follows_the_images_of_an_iteration() -> None:
    published = SCHEDULES["2x"]

    assert published.for_images(16) == published
    assert published.for_images(4).lr_at(3664, PER_EPOCH) == pytest.approx(0.005)


def test_the_rate_of_adamw_follows_the_root_of_the_images() -> None:
    assert SCHEDULES["short"].for_images(16).lr == pytest.approx(2 * SCHEDULES["short"].lr)
