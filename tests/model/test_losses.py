"""Whole training steps: against the reference with R-50, and what must hold of any with `tiny`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from gridrt.model.grid_rcnn import GridRCNN
from gridrt.model.presets import build
from gridrt.model.rpn_head import Proposals
from gridrt.types import GroundTruth
from tests.reference_training import CASES, ReferenceRandomness, ground_truths, training_batch

Golden = Callable[[str], Mapping[str, np.ndarray]]
Photo = Callable[[str], np.ndarray]

SIZE = torch.tensor([[96, 128]], dtype=torch.int32)
NOTHING = GroundTruth(torch.empty(0, 4), torch.empty(0, dtype=torch.int64))
SOMETHING = GroundTruth(torch.tensor([[8.0, 10.0, 60.0, 70.0], [50.0, 20.0, 90.0, 90.0]]), torch.tensor([0, 2]))


@dataclass(frozen=True)
class Step:
    """A training step of ours, and the same step of the reference."""

    model: GridRCNN
    losses: Mapping[str, Tensor]
    reference: Mapping[str, np.ndarray]


@pytest.fixture(scope="module")
def r50(untrained: Callable[[str], GridRCNN]) -> Iterator[GridRCNN]:
    model = untrained("r50")
    yield model.train()
    model.eval().zero_grad()


# Forward takes 6 to 14 s, and backward twice as long: `make test-all` has the rest. What the losses are of in every
# case, samples and jittered boxes, is compared in test_rpn_loss.py, test_roi_loss.py and test_grid_loss.py; batches and
# how many boxes the grid branch learns from are tested with `tiny` below.
@pytest.fixture(
    scope="module",
    params=[pytest.param(case, marks=() if case == "one_nojitter" else pytest.mark.slow) for case in CASES],
)
def step(request: pytest.FixtureRequest, golden: Golden, photo: Photo, r50: GridRCNN) -> Step:
    reference = golden(f"train_r50_{request.param}")
    images, sizes = training_batch(reference, [photo(name) for name in CASES[request.param]])
    randomness = ReferenceRandomness(int(reference["jitter_seed"]))
    return Step(r50, r50.losses(images, sizes, ground_truths(reference), randomness), reference)


def test_losses_equal_the_reference(step: Step) -> None:
    assert step.losses.keys() == {"loss_rpn_cls", "loss_rpn_bbox", "loss_cls", "loss_grid"}
    for name, loss in step.losses.items():
        # The reference keeps those of the proposal network by level.
        expected = step.reference[name].sum(dtype=np.float64)
        np.testing.assert_allclose(loss.item(), expected, rtol=1e-4, err_msg=name)


@pytest.fixture(scope="module")
def gradients(step: Step) -> dict[str, Tensor | None]:
    step.model.zero_grad()
    torch.stack(list(step.losses.values())).sum().backward()
    return {name: weight.grad for name, weight in step.model.named_parameters()}


@pytest.mark.parametrize(
    "step",
    [
        "one_nojitter",
        pytest.param("batch2_jitter", marks=pytest.mark.slow),
        pytest.param("batch2_manygt", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_gradient_norms_equal_the_reference(step: Step, gradients: dict[str, Tensor | None]) -> None:
    assert gradients.keys() == set(step.reference["grad_names"])
    for name, norm in zip(step.reference["grad_names"], step.reference["grad_norms_chk"], strict=True):
        gradient = gradients[name]
        found = -1.0 if gradient is None else gradient.double().norm().item()  # -1: frozen
        np.testing.assert_allclose(found, norm, rtol=5e-3, err_msg=name)


@pytest.mark.parametrize("step", ["one_nojitter", pytest.param("batch2_jitter", marks=pytest.mark.slow)], indirect=True)
def test_gradients_equal_the_reference(step: Step, gradients: dict[str, Tensor | None]) -> None:
    for key in (key for key in step.reference if key.startswith("grad::")):
        expected, gradient = step.reference[key], gradients[key.removeprefix("grad::")]
        assert gradient is not None
        np.testing.assert_allclose(gradient, expected, atol=1e-2 * np.abs(expected).max(), err_msg=key)


def test_training_proposals_equal_the_reference(golden: Golden, photo: Photo, r50: GridRCNN) -> None:
    """Neighbours whose scores differ in the last bit may swap ranks, so boxes are looked up, not compared by row."""
    reference = golden("train_r50_one_nojitter")
    images, sizes = training_batch(reference, [photo("coffee")])

    with torch.no_grad():
        outputs = r50.rpn(r50.fpn(r50.features(r50.input(images, sizes))))
        proposals = r50.rpn_head.propose(outputs, sizes, r50.rpn_head.train_config.proposals)

    boxes, expected = proposals.boxes[0][proposals.used[0]], torch.from_numpy(reference["img0_props"])
    nearest = torch.cdist(expected, boxes, p=torch.inf).amin(1)
    assert len(boxes) == len(expected)
    assert (nearest > 1e-2).sum() <= 1


@pytest.fixture
def tiny(tiny_weights: dict[str, Tensor]) -> GridRCNN:
    model = build("tiny", num_classes=3)
    model.load_state_dict(tiny_weights)
    return model


def noise(images: int = 1) -> Tensor:
    return torch.randint(0, 256, (images, 96, 128, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_every_weight_of_a_model_without_frozen_stages_learns(tiny: GridRCNN) -> None:
    losses = tiny.losses(noise(), SIZE, [SOMETHING], ReferenceRandomness(0))
    torch.stack(list(losses.values())).sum().backward()

    still = {name for name, weight in tiny.named_parameters() if weight.grad is None or not weight.grad.any()}

    # The coarse levels of the pyramid learn from large images alone: no anchor of theirs lies within this one.
    assert {name for name in still if not name.startswith(("neck.fpn_convs.2", "neck.fpn_convs.3"))} == set()


def test_a_batch_without_objects_teaches_background_and_gives_every_weight_a_gradient(tiny: GridRCNN) -> None:
    """None may lack one: processes that train together wait for all gradients of each other."""
    losses = tiny.losses(noise(2), SIZE.repeat(2, 1), [NOTHING, NOTHING], ReferenceRandomness(0))
    torch.stack(list(losses.values())).sum().backward()

    assert losses["loss_rpn_bbox"].item() == losses["loss_grid"].item() == 0
    assert losses["loss_rpn_cls"].item() > 0
    assert losses["loss_cls"].item() > 0
    assert [name for name, weight in tiny.named_parameters() if weight.grad is None] == []
    assert all(bool(weight.grad.isfinite().all()) for weight in tiny.parameters() if weight.grad is not None)


def test_rows_that_hold_no_proposal_are_not_learned_from(tiny: GridRCNN) -> None:
    boxes = torch.tensor([[[10.0, 10.0, 60.0, 60.0], [70.0, 5.0, 120.0, 50.0]]])
    used = torch.ones(1, 2, dtype=torch.bool)
    padded = Proposals(
        torch.cat((boxes, boxes.new_zeros(1, 5, 4)), 1),
        torch.zeros(1, 7),
        torch.cat((used, torch.zeros(1, 5, dtype=torch.bool)), 1),
    )

    def losses(proposals: Proposals) -> dict[str, float]:
        with torch.no_grad():
            pyramid = tiny.fpn(tiny.features(tiny.input(noise(), SIZE)))
            found = tiny.roi_head.losses(pyramid, proposals, SIZE, [SOMETHING], ReferenceRandomness(0))
        return {name: loss.item() for name, loss in found.items()}

    assert losses(padded) == losses(Proposals(boxes, torch.zeros(1, 2), used))


def test_the_grid_branch_learns_from_a_bounded_number_of_boxes(tiny: GridRCNN) -> None:
    many = GroundTruth(SOMETHING.boxes.repeat(100, 1), SOMETHING.labels.repeat(100))
    seen = []
    convs = tiny.get_submodule("roi_head.grid_head.convs")
    convs.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))

    with torch.no_grad():
        tiny.losses(noise(4), SIZE.repeat(4, 1), [many] * 4, ReferenceRandomness(0))

    assert seen == [96]  # of 32 positives of each image


def test_a_seed_repeats_the_losses(tiny: GridRCNN) -> None:
    def losses(seed: int) -> list[float]:
        torch.manual_seed(seed)
        with torch.no_grad():
            return [loss.item() for loss in tiny.losses(noise(), SIZE, [SOMETHING]).values()]

    assert losses(0) == losses(0) != losses(1)
