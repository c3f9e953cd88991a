"""The Faster R-CNN baseline: its deltas, its loss and its detections against plain loops, and its published names."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gridrt.model.bbox_head import RegressingBBoxHead
from gridrt.model.box_regression import box_loss, class_boxes, decode_boxes, encode_boxes
from gridrt.model.box_roi_head import BoxRoIHead
from gridrt.model.checkpoint import load_model, save_weights
from gridrt.model.checkpoint.fit import nearest_model
from gridrt.model.presets import build
from gridrt.model.roi_head import DetectionRows, as_rois
from gridrt.model.roi_loss import RoISamples
from gridrt.model.rpn_head import Proposals
from gridrt.model.untrained import untrained_model
from gridrt.ops.nms import batched_nms
from gridrt.types import GroundTruth
from tests.reference_training import ReferenceRandomness

PUBLISHED = Path(__file__).parents[1] / "data" / "state_dicts" / "r50.json"
STDS = (0.1, 0.1, 0.2, 0.2)
SIZES = torch.tensor([[96, 128], [80, 112]], dtype=torch.int32)
NOTHING = GroundTruth(torch.empty(0, 4), torch.empty(0, dtype=torch.int64))

Box = Sequence[float]


def random_boxes(count: int, generator: torch.Generator, extent: float = 100.0) -> Tensor:
    corner, size = torch.rand(2, count, 2, generator=generator).mul(extent / 2)
    return torch.cat((corner, corner + size + 1), 1)


def wanted_deltas(roi: Box, target: Box) -> list[float]:
    """By the definition, one number after another."""
    width, height = roi[2] - roi[0], roi[3] - roi[1]
    plain = (
        ((target[0] + target[2]) / 2 - (roi[0] + roi[2]) / 2) / width,
        ((target[1] + target[3]) / 2 - (roi[1] + roi[3]) / 2) / height,
        math.log((target[2] - target[0]) / width),
        math.log((target[3] - target[1]) / height),
    )
    return [value / std for value, std in zip(plain, STDS, strict=True)]


def moved(roi: Box, deltas: Box, image_size: Sequence[int]) -> list[float]:
    """The inverse, clipped to the image."""
    dx, dy, dw, dh = (value * std for value, std in zip(deltas, STDS, strict=True))
    width, height = roi[2] - roi[0], roi[3] - roi[1]
    x, y = (roi[0] + roi[2]) / 2 + dx * width, (roi[1] + roi[3]) / 2 + dy * height
    half_width, half_height = width * math.exp(dw) / 2, height * math.exp(dh) / 2
    corners = (x - half_width, y - half_height, x + half_width, y + half_height)
    limits = (image_size[1], image_size[0]) * 2
    return [min(max(value, 0.0), limit) for value, limit in zip(corners, limits, strict=True)]


def overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (areas - shared)


@given(st.integers(0, 2**31))
def test_decoding_undoes_encoding(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rois, objects = random_boxes(20, generator), random_boxes(20, generator)

    torch.testing.assert_close(decode_boxes(rois, encode_boxes(rois, objects)), objects, rtol=0, atol=1e-3)


def test_targets_are_deltas_in_units_of_their_usual_spread() -> None:
    generator = torch.Generator().manual_seed(0)
    rois, objects = random_boxes(20, generator), random_boxes(20, generator)

    expected = [wanted_deltas(*pair) for pair in zip(rois.tolist(), objects.tolist(), strict=True)]
    np.testing.assert_allclose(encode_boxes(rois, objects), expected, rtol=1e-4, atol=1e-5)


def samples_of(positives: int, negatives: int, classes: int, generator: torch.Generator) -> RoISamples:
    labels = torch.randint(0, classes, (positives,), generator=generator)
    positive, negative, objects = (random_boxes(count, generator) for count in (positives, negatives, positives))
    return RoISamples(positive, negative, objects, labels)


def test_the_box_loss_is_that_of_a_plain_loop() -> None:
    generator = torch.Generator().manual_seed(0)
    images = [samples_of(5, 7, 4, generator), samples_of(0, 3, 4, generator), samples_of(6, 0, 4, generator)]
    predicted = torch.randn(21, 4, 4, generator=generator)

    total, row = 0.0, 0
    for image in images:
        for roi, target, label in zip(image.positive.tolist(), image.objects.tolist(), image.labels, strict=True):
            difference = predicted[row, label].numpy() - np.array(wanted_deltas(roi, target))
            total, row = total + np.abs(difference).sum(), row + 1
        row += len(image.negative)

    assert box_loss(predicted, images).item() == pytest.approx(total / 21, rel=1e-5)


def test_each_positive_teaches_its_own_class_alone() -> None:
    image = samples_of(3, 2, 4, torch.Generator().manual_seed(0))._replace(labels=torch.tensor([2, 0, 3]))
    predicted = torch.zeros(5, 4, 4, requires_grad=True)

    box_loss(predicted, [image]).backward()

    assert predicted.grad is not None
    assert predicted.grad.any(-1).nonzero().tolist() == [[0, 2], [1, 0], [2, 3]]


def test_without_rois_there_is_nothing_to_learn() -> None:
    none = RoISamples(torch.empty(0, 4), torch.empty(0, 4), torch.empty(0, 4), torch.empty(0, dtype=torch.int64))

    assert box_loss(torch.empty(0, 3, 4), [none]).item() == 0


def test_each_class_moves_a_proposal_its_own_way_and_not_out_of_the_image() -> None:
    generator = torch.Generator().manual_seed(0)
    proposals = random_boxes(10, generator).view(2, 5, 4)
    deltas = 5 * torch.randn(10, 3, 4, generator=generator)

    boxes = class_boxes(proposals, deltas, SIZES)

    expected = [
        [moved(proposals[b, r].tolist(), deltas[5 * b + r, c].tolist(), SIZES[b].tolist()) for c in range(3)]
        for b in range(2)
        for r in range(5)
    ]
    np.testing.assert_allclose(boxes, np.reshape(expected, (2, 15, 4)), rtol=1e-5, atol=1e-3)


@pytest.fixture
def head() -> BoxRoIHead:
    """Three classes over a thin pyramid, drawn so that many of its boxes pass."""
    torch.manual_seed(0)
    head = BoxRoIHead(RegressingBBoxHead(3, channels=8, hidden=32))
    torch.nn.init.normal_(head.bbox_head.fc_cls.weight, std=1.0)
    torch.nn.init.normal_(head.bbox_head.fc_reg.weight, std=0.3)
    return head


def random_pyramid(images: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(images, 8, 96 // stride, 128 // stride, generator=generator) for stride in (4, 8, 16, 32)]


def random_proposals(images: int, used: int, unused: int) -> Proposals:
    generator = torch.Generator().manual_seed(2)
    boxes = torch.stack([random_boxes(used, generator, extent=80.0) for _ in range(images)])
    padded = torch.cat((boxes, torch.zeros(images, unused, 4)), 1)
    return Proposals(padded, torch.zeros(padded.shape[:2]), padded.any(-1))


@torch.no_grad()
def plain_detections(
    head: BoxRoIHead, pyramid: list[Tensor], proposals: Proposals, image: int
) -> list[tuple[float, int, list[float]]]:
    """Score, label and box of what each class keeps of its own boxes, best first."""
    features = head.pool(pyramid, as_rois(proposals.boxes), 7).unflatten(0, proposals.boxes.shape[:2])[image]
    logits, deltas = head.bbox_head.classify_and_regress(features)
    candidates = [
        (score, label, moved(proposals.boxes[image, row].tolist(), deltas[row, label].tolist(), SIZES[image].tolist()))
        for row, of_row in enumerate(logits.softmax(1).tolist())
        for label, score in enumerate(of_row[:-1])
        if proposals.used[image, row] and score > 0.05
    ]
    kept: list[tuple[float, int, list[float]]] = []
    for score, label, box in sorted(candidates, reverse=True):
        if all(overlap(box, other) <= 0.5 for _, other_label, other in kept if other_label == label):
            kept.append((score, label, box))
    assert len(kept) < len(candidates)
    return kept[:100]


def detect(head: BoxRoIHead, pyramid: list[Tensor], proposals: Proposals, sizes: Tensor) -> DetectionRows:
    pooled = head.pool(pyramid, as_rois(proposals.boxes), head.rois.classify_size)
    return head.select(proposals, head.classify(pooled, proposals.used), sizes, batched_nms)


def test_detections_are_those_of_plain_loops(head: BoxRoIHead) -> None:
    pyramid, proposals = random_pyramid(2), random_proposals(2, used=40, unused=3)

    with torch.no_grad():
        detections = detect(head, pyramid, proposals, SIZES)

    assert detections.boxes.shape == (2, 100, 4)
    for image in range(2):
        expected = plain_detections(head, pyramid, proposals, image)
        found = len(expected)
        assert 10 < found < 100
        scores, labels, boxes = zip(*expected, strict=True)
        assert detections.labels[image].tolist() == [*labels, *[-1] * (100 - found)]
        np.testing.assert_allclose(detections.scores[image, :found], scores, rtol=1e-4)
        np.testing.assert_allclose(detections.boxes[image, :found], boxes, atol=1e-2)
        assert not detections.boxes[image, found:].any()


def test_a_few_steps_teach_where_an_object_is(head: BoxRoIHead) -> None:
    pyramid = random_pyramid(1)
    truth = GroundTruth(torch.tensor([[20.0, 15.0, 70.0, 60.0]]), torch.tensor([1]))
    near = truth.boxes + 4 * torch.randn(20, 4, generator=torch.Generator().manual_seed(3))
    proposals = Proposals(near.unsqueeze(0), torch.zeros(1, 20), torch.ones(1, 20, dtype=torch.bool))
    optimizer = torch.optim.Adam(head.parameters(), lr=3e-3)
    history = []
    for _ in range(60):
        losses = head.losses(pyramid, proposals, SIZES[:1], [truth], ReferenceRandomness(0))
        history.append(losses["loss_bbox"].item())
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()

    with torch.no_grad():
        detections = detect(head, pyramid, proposals, SIZES[:1])

    assert history[-1] < 0.1 * history[0]
    assert detections.labels[0, 0] == 1
    assert overlap(detections.boxes[0, 0].tolist(), truth.boxes[0].tolist()) > 0.9


def test_names_and_shapes_are_those_of_the_published_grid_rcnn_but_for_the_branch() -> None:
    published = json.loads(PUBLISHED.read_text())["shapes"]
    expected = {name: tuple(shape) for name, shape in published.items() if ".grid_head." not in name}
    expected |= {"roi_head.bbox_head.fc_reg.weight": (320, 1024), "roi_head.bbox_head.fc_reg.bias": (320,)}

    with torch.device("meta"):
        model = build("faster_r50")

    assert {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} == expected
    assert expected["roi_head.bbox_head.fc_cls.weight"] == (81, 1024)


@pytest.mark.parametrize("variant", ["faster_r50", "faster_tiny"])
def test_the_variant_and_the_class_count_are_read_off_the_weights(variant: str) -> None:
    with torch.device("meta"):
        weights = build(variant, num_classes=20).state_dict()

    model, misfit = nearest_model(weights)

    assert (model.variant, len(model.class_names), len(misfit)) == (variant, 20, 0)


def test_both_methods_learn_from_the_same_proposals_and_rois() -> None:
    for grid, box in (("tiny", "faster_tiny"), ("r50", "faster_r50")):
        with torch.device("meta"):
            one, other = build(grid), build(box)
        assert one.rpn_head.train_config == other.rpn_head.train_config
        assert one.rpn_head.proposals == other.rpn_head.proposals
        assert one.roi_head.train_config == other.roi_head.train_config
        shared = {name for name in one.state_dict() if ".grid_head." not in name}
        assert shared == {name for name in other.state_dict() if ".fc_reg." not in name}


def test_what_is_saved_detects_as_before(tmp_path: Path) -> None:
    model = untrained_model("faster_tiny", num_classes=3)
    save_weights(model, tmp_path / "w.pth")
    images = torch.randint(0, 256, (1, 96, 128, 3), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)

    loaded = load_model(tmp_path / "w.pth")
    with torch.no_grad():
        expected, actual = model(images, SIZES[:1]), loaded(images, SIZES[:1])

    assert (loaded.variant, loaded.class_names) == ("faster_tiny", model.class_names)
    assert (expected.labels >= 0).any()
    for one, other in zip(expected, actual, strict=True):
        assert torch.equal(one, other)


def test_a_batch_without_objects_teaches_background_and_gives_every_weight_a_gradient() -> None:
    model = untrained_model("faster_tiny", num_classes=3).train()
    images = torch.zeros(2, 96, 128, 3, dtype=torch.uint8)

    losses = model.losses(images, SIZES, [NOTHING, NOTHING], ReferenceRandomness(0))
    torch.stack(list(losses.values())).sum().backward()

    assert losses.keys() == {"loss_rpn_cls", "loss_rpn_bbox", "loss_cls", "loss_bbox"}
    assert losses["loss_bbox"].item() == 0
    assert losses["loss_cls"].item() > 0
    assert [name for name, weight in model.named_parameters() if weight.grad is None] == []
