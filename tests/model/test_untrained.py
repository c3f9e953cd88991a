"""The deterministic weights: the very bytes of the reference's, and a model that detects something."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from gridrt.model.presets import build
from gridrt.model.untrained import deterministic_state_dict, deterministic_tensor

STATE_DICTS = Path(__file__).parents[1] / "data" / "state_dicts"


@pytest.mark.parametrize(
    "variant", ["r50", *(pytest.param(name, marks=pytest.mark.slow) for name in ("r101", "x101_32x4d", "x101_64x4d"))]
)
def test_the_bytes_are_those_of_the_reference_weights(variant: str) -> None:
    published = json.loads((STATE_DICTS / f"{variant}.json").read_text())
    digest = hashlib.sha256()

    for name, shape in published["shapes"].items():
        digest.update(deterministic_tensor(name, shape, variant).numpy().tobytes())

    assert digest.hexdigest() == published["untrained_sha256"]


@pytest.mark.parametrize("num_classes", [1, 3, 80])
def test_a_tiny_model_detects_a_few_things_whatever_its_class_count(num_classes: int) -> None:
    model = build("tiny", num_classes).eval()
    model.load_state_dict(deterministic_state_dict(model.state_dict(), "tiny"))
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (1, 128, 160, 3), generator=generator, dtype=torch.uint8)

    with torch.no_grad():
        detections = model(images, torch.tensor([[128, 160]], dtype=torch.int32))

    found = int((detections.labels >= 0).sum())
    assert found > 5
    assert bool(((detections.scores[0, :found] > 0.03) & (detections.scores[0, :found] <= 1)).all())


def test_a_tensor_depends_on_its_name_alone() -> None:
    """Not on the generator's past, nor on which other tensors are drawn."""
    alone = deterministic_tensor("neck.fpn_convs.1.conv.weight", (8, 8, 3, 3), "r50")
    expected = {"backbone.bn1.weight": torch.empty(4), "neck.fpn_convs.1.conv.weight": torch.empty(8, 8, 3, 3)}

    among_others = deterministic_state_dict(expected, "r50")

    assert torch.equal(among_others["neck.fpn_convs.1.conv.weight"], alone)
    assert not torch.equal(deterministic_tensor("neck.fpn_convs.2.conv.weight", (8, 8, 3, 3), "r50"), alone)
