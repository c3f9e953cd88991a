from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle

from gridrt.data.training import TrainingBatch
from gridrt.errors import GridRTError
from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.initialize import initialize
from gridrt.ops.randomness import Randomness
from gridrt.training import SCHEDULES, Schedule
from gridrt.training.optimization import MOST_SKIPPED, Amp, Optimization, randomness_of
from gridrt.training.schedule import SGD, AdamW, Descent
from gridrt.types import GroundTruth
from tests.reference_training import ReferenceRandomness
from tests.test_processes import run_together
from tests.training.stand_ins import OneWeight, one_weight, weight_of

Model = Callable[[], GridRCNN]

PLAIN: Schedule = replace(SCHEDULES["2x"], descent=SGD(weight_decay=0.0))
"""With a learning rate of 1, the first step subtracts the gradient from the weights, and does nothing else."""
NO_RANDOMNESS = ReferenceRandomness(-1)


def one(batch: TrainingBatch, index: int) -> TrainingBatch:
    return TrainingBatch(batch.images[index : index + 1], batch.image_sizes[index : index + 1], [batch.targets[index]])


def gradient(model: GridRCNN, batches: list[TrainingBatch]) -> dict[str, Tensor]:
    """In double precision, so that what should be equal is."""
    model.double()
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    Optimization(model, PLAIN, "off").step(0, batches, 1.0, NO_RANDOMNESS)
    return {name: before[name] - weight.detach() for name, weight in model.named_parameters()}


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert torch.allclose(found[name], gradient, rtol=0, atol=1e-12), name


def test_the_losses_on_one_batch_fall(make_model: Model, batch: TrainingBatch) -> None:
    model = make_model()
    torch.manual_seed(0)
    initialize(model)
    optimization = Optimization(model, SCHEDULES["short"], "off")

    losses = [optimization.step(n, [batch], 0.001, randomness_of(0, n))["loss"] for n in range(6)]

    assert losses[-1] < 0.6 * losses[0]


def test_accumulated_gradients_are_the_mean_of_those_of_the_batches(make_model: Model, batch: TrainingBatch) -> None:
    first, second = one(batch, 0), one(batch, 1)

    found = gradient(make_model(), [first, second])

    alone = [gradient(make_model(), [part]) for part in (first, second)]
    assert_close(found, {name: (alone[0][name] + alone[1][name]) / 2 for name in found})


PROGRAM = """
import sys, torch
from gridrt import processes
from tests.training.test_optimization import gradient, one

torch.set_num_threads(1)
model, batch = torch.load(sys.argv[1], weights_only=False)
with processes.process_group():
    torch.save(gradient(model, [one(batch, processes.rank())]), f"{sys.argv[1]}.{processes.rank()}")
"""


def test_two_processes_have_the_gradient_of_one_with_all_images(
    make_model: Model, batch: TrainingBatch, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The images have different numbers of boxes, so the mean of their own means would be another gradient."""
    monkeypatch.setenv("PYTHONPATH", str(root))
    torch.save((make_model(), batch), tmp_path / "work")

    run_together(2, "-c", PROGRAM, str(tmp_path / "work"))

    first, second = (torch.load(tmp_path / f"work.{rank}") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert_close(first, gradient(make_model(), [batch]))


def test_a_gradient_is_clipped(make_model: Model, batch: TrainingBatch) -> None:
    model = make_model()
    before = torch.cat([weight.detach().flatten() for weight in model.parameters()])

    norm = Optimization(model, replace(PLAIN, max_gradient_norm=0.01), "off").step(0, [batch], 1.0, NO_RANDOMNESS)

    change = before - torch.cat([weight.detach().flatten() for weight in model.parameters()])
    assert norm["gradient_norm"] > 0.1
    assert float(change.norm()) == pytest.approx(0.01, rel=1e-2)


def test_a_loss_that_is_no_number_stops_at_the_iteration_and_leaves_the_weights(
    make_model: Model, batch: TrainingBatch
) -> None:
    model = make_model()
    with torch.no_grad():
        model.roi_head.bbox_head.fc_cls.bias.fill_(torch.nan)
    before = [weight.detach().clone() for weight in model.parameters()]

    with pytest.raises(GridRTError) as caught:
        Optimization(model, PLAIN, "off").step(7, [batch], 1.0, NO_RANDOMNESS)
    assert (caught.value.place, caught.value.value) == ("iteration 7", "loss_cls nan")
    for weight, old in zip(model.parameters(), before, strict=True):
        torch.testing.assert_close(weight.detach(), old, rtol=0, atol=0, equal_nan=True)


def test_a_gradient_that_is_no_number_stops_too(make_model: Model, batch: TrainingBatch) -> None:
    model = make_model()
    model.backbone.conv1.weight.register_hook(lambda gradient: gradient * torch.inf)

    with pytest.raises(GridRTError, match=r"^iteration 7: .*gradient"):
        Optimization(model, PLAIN, "off").step(7, [batch], 1.0, NO_RANDOMNESS)
    assert all(bool(weight.isfinite().all()) for weight in model.parameters())


class Watched(OneWeight):
    """Notes what precision the losses are computed in."""

    def losses(
        self, images: Tensor, sizes: Tensor, targets: list[GroundTruth], randomness: Randomness
    ) -> dict[str, Tensor]:
        self.dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else torch.float32
        return super().losses(images, sizes, targets, randomness)


@pytest.mark.parametrize(("amp", "dtype"), [("off", torch.float32), ("bf16", torch.bfloat16)])
def test_losses_are_computed_in_the_precision_that_was_asked_for(
    batch: TrainingBatch, amp: Amp, dtype: torch.dtype
) -> None:
    model = Watched()

    Optimization(cast("GridRCNN", model), PLAIN, amp).step(0, [batch], 0.1, NO_RANDOMNESS)

    assert model.dtype == dtype


def scaled(model: GridRCNN, schedule: Schedule = PLAIN) -> Optimization:
    """With the scaler of fp16, and float32 losses: half precision is not for every CPU."""
    optimization = Optimization(model, schedule, "off")
    optimization._scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    return optimization


def test_scaled_losses_give_the_same_gradient(batch: TrainingBatch) -> None:
    short = replace(PLAIN, max_gradient_norm=0.25)
    plain, other = one_weight(), one_weight()

    expected = Optimization(plain, short, "off").step(0, [batch], 1.0, NO_RANDOMNESS)
    found = scaled(other, short).step(0, [batch], 1.0, NO_RANDOMNESS)

    assert expected["gradient_norm"] > 0
    assert found == expected
    assert list(other.parameters()) == list(plain.parameters())


def overflow(model: GridRCNN) -> RemovableHandle:
    (weight,) = model.parameters()
    handle: RemovableHandle = weight.register_hook(lambda gradient: gradient * torch.inf)
    return handle


def test_a_gradient_that_overflows_in_half_precision_is_skipped_but_not_for_ever(batch: TrainingBatch) -> None:
    model = one_weight()
    optimization = scaled(model)
    overflowing = overflow(model)
    for iteration in range(MOST_SKIPPED - 1):
        optimization.step(iteration, [batch], 1.0, NO_RANDOMNESS)
    assert weight_of(model) == weight_of(one_weight())

    with pytest.raises(GridRTError, match=r"^iteration 19: .*inf.*`lr`"):
        optimization.step(MOST_SKIPPED - 1, [batch], 1.0, NO_RANDOMNESS)
    overflowing.remove()
    assert weight_of(model) == weight_of(one_weight())


def test_skipped_steps_count_in_a_row_and_over_a_kill(batch: TrainingBatch) -> None:
    model = one_weight()
    optimization = scaled(model)
    for _ in range(2):  # 19, one that is finite, 19 again
        overflowing = overflow(model)
        for iteration in range(MOST_SKIPPED - 1):
            optimization.step(iteration, [batch], 0.0, NO_RANDOMNESS)
        overflowing.remove()
        state = optimization.state_dict()
        optimization.step(0, [batch], 0.0, NO_RANDOMNESS)

    again = scaled(model)
    again.load_state_dict(state)
    overflow(model)
    with pytest.raises(GridRTError, match="gradient inf"):
        again.step(0, [batch], 0.0, NO_RANDOMNESS)


@pytest.mark.parametrize("descent", [SGD(), SGD(momentum=0), AdamW()])
def test_the_size_of_a_state_is_known_before_the_first_step(batch: TrainingBatch, descent: Descent) -> None:
    optimization = Optimization(one_weight(), replace(PLAIN, descent=descent), "off")
    predicted = optimization.most_bytes()

    optimization.step(0, [batch], 0.1, NO_RANDOMNESS)

    kept = optimization.state_dict()["optimizer"]["state"].values()
    means = [tensor for of_one in kept for name, tensor in of_one.items() if name != "step" and tensor is not None]
    assert predicted == sum(tensor.nbytes for tensor in means)


def test_every_process_has_its_own_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    first = randomness_of(0, 0).permutation(100).tolist()

    monkeypatch.setattr("gridrt.processes.rank", lambda: 1)

    assert randomness_of(0, 0).permutation(100).tolist() != first


def test_the_randomness_of_an_iteration_depends_on_the_seed_and_its_number_alone() -> None:
    draws = [randomness_of(seed, n).permutation(100).tolist() for seed, n in ((0, 0), (0, 0), (0, 1), (1, 0))]

    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) == 3
